import {
  HEADERS,
  logInfoSchema,
  verdictsSchema,
  type DecisionRequest,
  type Doubt,
  type LogInfo,
  type Notice,
  type RegistrationRequest,
  type TransactionView,
  type Verdict,
} from '@atone/protocol';
import { HOLD_SLACK_MS, type Answer, type Call } from './client.call.js';
import { durationMs, type Duration } from './client.duration.js';
import { UnexpectedAnswerError } from './client.errors.js';

/** How long to wait for a decision, and for what. */
export interface DecideOptions {
  /** How long to wait until all branches are ended. Default: not at all, and the answer comes when the decision is durable. */
  readonly wait?: Duration;
  /** For how long a call of unknown outcome is repeated, if less than the client's patience. */
  readonly patience?: Duration;
}

/** Trace headers that go with a call. */
export interface TraceContext {
  readonly traceparent?: string | undefined;
  readonly baggage?: string | undefined;
}

/** The part of the coordinator's API that serves led transactions. Every method throws an `AtoneClientError` where the answer is not yes. */
export interface LedClient {
  /** Returns what an initiator must know before it can begin: which log decides, and in which life it is. */
  logInfo(): Promise<LogInfo>;
  /**
   * Decides the led transaction `gid`, once and for all. Safe to call again with the same request.
   *
   * @throws CoordinatorRefusedError with the code ALREADY_DECIDED, and the outcome, when it was decided otherwise.
   * @throws CoordinatorUnreachableError when no answer came, and nobody knows what was decided.
   */
  decide(gid: string, request: DecisionRequest, options?: DecideOptions): Promise<TransactionView>;
  /** Makes branches durable before the decision. Safe to call again. A commit whose list lacks them undoes them. */
  registerBranches(gid: string, request: RegistrationRequest): Promise<TransactionView>;
  /** Tells which transactions are under way and what they have called, for people to see. Sent once: what is lost is lost. */
  notices(notices: readonly Notice[]): Promise<void>;
  /**
   * Asks what to do with branches whose deadline has passed, at most 200 of them. To ask may decide: a transaction of which
   * the coordinator knows nothing is aborted by it. Asks once: whoever needs it asks again.
   */
  ask(doubts: readonly Doubt[]): Promise<readonly Verdict[]>;
}

/** What the calls of led transactions need of the client that they are part of. */
export interface LedClientHost {
  readonly url: string;
  call(call: Call): Promise<Answer>;
  viewOf(answer: Answer, subject: Call['subject']): TransactionView;
  /** Returns the view at its end, or as it is `until`. */
  awaitEnd(view: TransactionView, until: number): Promise<TransactionView>;
  now(): number;
  traceHeaders(): Readonly<Record<string, string>>;
}

/** Returns the calls of led transactions for the client `host`. */
export function ledCalls(host: LedClientHost): LedClient {
  return {
    logInfo: () => logInfo(host),
    decide: (gid, request, options = {}) => decide(host, { gid, request, options }),
    registerBranches: (gid, request) => registerBranches(host, gid, request),
    notices: (notices) => sendNotices(host, notices),
    ask: (doubts) => ask(host, doubts),
  };
}

async function logInfo(host: LedClientHost): Promise<LogInfo> {
  const subject = { what: 'tell which log it keeps', changes: false };
  const answer = await host.call({ method: 'GET', path: '/v1/log', isRepeatable: true, subject });
  const { success, data } = logInfoSchema.safeParse(answer.body);
  if (!success) {
    throw new UnexpectedAnswerError({ ...subject, url: host.url }, 'its answer tells of no log');
  }
  return data;
}

interface Deciding {
  readonly gid: string;
  readonly request: DecisionRequest;
  readonly options: DecideOptions;
}

async function decide(host: LedClientHost, { gid, request, options }: Deciding): Promise<TransactionView> {
  const until = host.now() + durationMs(options.wait ?? 0);
  const subject = { what: `${request.to} ${gid}`, changes: true, gid };
  const answer = await host.call({
    method: 'PUT',
    path: `${pathOf(gid)}/decision`,
    headers: host.traceHeaders(),
    body: request,
    // What is held longer than that is asked for again, to know at least what was decided.
    hold: { until, slackMs: HOLD_SLACK_MS },
    // The same secret and list are confirmed, however often they come.
    isRepeatable: true,
    ...(options.patience === undefined ? {} : { patienceMaxMs: durationMs(options.patience) }),
    subject,
  });
  return host.awaitEnd(host.viewOf(answer, subject), until);
}

async function registerBranches(
  host: LedClientHost,
  gid: string,
  request: RegistrationRequest,
): Promise<TransactionView> {
  const subject = { what: `register branches of ${gid}`, changes: true, gid };
  const answer = await host.call({
    method: 'POST',
    path: `${pathOf(gid)}/branches`,
    headers: host.traceHeaders(),
    body: request,
    isRepeatable: true,
    patienceMaxMs: request.remainingMs,
    subject,
  });
  return host.viewOf(answer, subject);
}

async function sendNotices(host: LedClientHost, notices: readonly Notice[]): Promise<void> {
  const subject = { what: 'take notice of transactions', changes: true };
  const path = '/v1/transactions/notices';
  await host.call({ method: 'POST', path, body: { notices }, isRepeatable: false, subject });
}

async function ask(host: LedClientHost, doubts: readonly Doubt[]): Promise<readonly Verdict[]> {
  const subject = { what: 'tell what was decided', changes: true };
  const path = '/v1/transactions/doubts';
  const answer = await host.call({ method: 'POST', path, body: { doubts }, isRepeatable: false, subject });
  const { success, data } = verdictsSchema.safeParse(answer.body);
  const { verdicts = [] } = data ?? {};
  // A verdict that stands for another branch than was asked about would end the wrong one.
  const isAnswered = ({ gid, branchId }: Doubt, position: number): boolean =>
    verdicts[position]?.gid === gid && verdicts[position].branchId === branchId;
  if (!success || verdicts.length !== doubts.length || !doubts.every(isAnswered)) {
    throw new UnexpectedAnswerError({ ...subject, url: host.url }, 'its answer holds no verdicts');
  }
  return verdicts;
}

function pathOf(gid: string): string {
  return `/v1/transactions/${encodeURIComponent(gid)}`;
}

/** Returns the headers of a trace. */
export function traceHeaders({ traceparent, baggage }: TraceContext): Record<string, string> {
  return {
    ...(traceparent === undefined ? {} : { [HEADERS.traceparent]: traceparent }),
    ...(baggage === undefined ? {} : { [HEADERS.baggage]: baggage }),
  };
}
