import type { Json } from '@atone/core';
import {
  endingsSchema,
  HEADERS,
  idempotencyKeySchema,
  type Counts,
  type DecisionRequest,
  type Doubt,
  type Ending,
  type ListQuery,
  type LogInfo,
  type Notice,
  type ParticipantInstance,
  type ParticipantList,
  type ParticipantView,
  type RegistrationRequest,
  type Submission,
  type TransactionPage,
  type TransactionView,
  type Verdict,
} from '@atone/protocol';
import type { z } from 'zod';
import { currentBranch, currentFrame } from './branch.context.js';
import {
  HOLD_SLACK_MS,
  makeCall,
  whatAnswered,
  type Answer,
  type Call,
  type CallSettings,
  type Hold,
} from './client.call.js';
import { durationMs, type Duration } from './client.duration.js';
import { OwnEntry } from './client.entry.js';
import { AtoneClientError, UnexpectedAnswerError } from './client.errors.js';
import {
  ledCalls,
  traceHeaders,
  type DecideOptions,
  type LedClient,
  type TraceContext,
} from './client.led.js';
import { sleep, type ClientPorts } from './client.ports.js';
import type { PayloadSchema } from './contract.js';
import { MisuseError } from './participant.error.js';
import type { Saga } from './saga-builder.js';
import type { Tags } from './saga-builder.types.js';

/** How to reach the coordinator. */
export interface ClientOptions {
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  /** The service that starts transactions with this client, for the operators to see. */
  readonly service?: string | undefined;
  /** How long calls of unknown outcome are repeated. Default: 30 s. */
  readonly patience?: Duration | undefined;
  /** How long one attempt may take, besides the wait that was asked for. Default: 10 s. */
  readonly requestTimeout?: Duration | undefined;
}

/** How to submit a transaction. */
export interface SubmitOptions {
  /**
   * The same key and the same plan are the same transaction, however often they are submitted: 1 to 128 of
   * `A-Z a-z 0-9 . _ : -`. Default: a key drawn for this call.
   */
  readonly idempotencyKey?: string;
  /** How long to wait for the end. Default: not at all. */
  readonly wait?: Duration;
  /** Added to those of the saga. */
  readonly tags?: Tags;
  /** Default: the saga's, or that of the branch which is being carried out. */
  readonly lane?: string;
}

/** What is known of a transaction that was submitted. */
export interface SubmitResult<Outputs extends object> {
  readonly gid: string;
  /** Undecided where the wait was over first. */
  readonly outcome: TransactionView['outcome'];
  readonly state: TransactionView['state'];
  /** Present when only an operator can move it. */
  readonly stuck?: TransactionView['stuck'];
  /** Why it aborted or aborts. */
  readonly abort?: TransactionView['abort'];
  /** What the steps answered, by their names, as far as they were done; of those that were undone since, too. */
  readonly outputs: Partial<Outputs>;
  /** Whether an earlier call with the same key started it. */
  readonly isReplay: boolean;
  readonly transaction: TransactionView;
}

/** Why an operator acts, and who. */
export interface ActOptions {
  readonly reason: string;
  readonly by?: string;
}

/** Which branch is left out. */
export interface SkipOptions extends ActOptions {
  readonly branchId: string;
  /** Gives up an earlier skip that the participant did not acknowledge: what it was asked before may still take effect. */
  readonly force?: boolean;
}

/** How a led transaction is decided that its log cannot judge. */
export type ResolveOptions = ActOptions &
  (
    | { readonly to: 'abort' }
    /** `branches` are the ids of those that are confirmed; the others are undone. */
    | { readonly to: 'commit'; readonly branches: readonly [string, ...string[]] }
  );

/** The coordinator's API, typed. Every method throws an `AtoneClientError` where the answer is not yes. */
export interface AtoneClient extends LedClient {
  readonly url: string;

  /** Starts a transaction; safe to call again with the same idempotency key. Throws as `Saga.plan` does. */
  submit<Schema extends PayloadSchema, Outputs extends object>(
    saga: Saga<Schema, Outputs>,
    input: z.input<Schema>,
    options?: SubmitOptions,
  ): Promise<SubmitResult<Outputs>>;
  /** Starts a transaction from a plan in JSON. */
  submitPlan(plan: Submission, options?: SubmitOptions): Promise<SubmitResult<Record<string, Json>>>;
  /** Returns what is known of `gid`, at the latest after `wait`, before that when it has ended. */
  get(gid: string, options?: { readonly wait?: Duration }): Promise<TransactionView>;
  list(query?: Partial<ListQuery>): Promise<TransactionPage>;
  counts(): Promise<Counts>;
  /** Tells of each of up to 200 gids that the log holds whether it has ended. Asks once: whoever needs it asks again. */
  endings(gids: readonly string[]): Promise<readonly Ending[]>;
  /** Returns the instances of all services, as they entered themselves. */
  participants(): Promise<readonly ParticipantView[]>;

  /** Lets a stuck or waiting branch, or all of them, try again now. */
  retry(
    gid: string,
    options?: Partial<ActOptions> & { readonly branchId?: string },
  ): Promise<TransactionView>;
  /** Goes on without an effect of the branch, or without undoing it. */
  skip(gid: string, options: SkipOptions): Promise<TransactionView>;
  abort(gid: string, options: ActOptions): Promise<TransactionView>;
  pause(gid: string, options: ActOptions): Promise<TransactionView>;
  resume(gid: string, options: ActOptions): Promise<TransactionView>;
  /** Decides a led transaction that the log cannot judge, because it was restored, say. */
  resolve(gid: string, options: ResolveOptions): Promise<TransactionView>;

  /** `onWarning` is told what the coordinator finds wrong with an entry that it takes all the same. */
  registerInstance(
    service: string,
    instance: ParticipantInstance,
    onWarning?: (warning: string) => void,
  ): Promise<void>;
  deregisterInstance(service: string, instance: string): Promise<void>;
}

export const DEFAULT_PATIENCE_MS = 30_000;
export const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;

/** Whoever stops has little time, and a coordinator that is being restarted may be there again in a moment. */
const FAREWELL = { patienceMaxMs: 2_000, timeoutMaxMs: 2_000 };
/** The pause between two questions for one end, should the coordinator not hold them. */
const POLL_MS = 200;

/**
 * Returns a client over `ports`.
 *
 * @throws MisuseError when the url is no http(s) url.
 */
export function createClient(options: ClientOptions, ports: ClientPorts): AtoneClient {
  return new PortClient(settingsOf(options), options.service, ports);
}

class PortClient implements AtoneClient {
  private readonly led: LedClient;
  private readonly ownEntry: OwnEntry;

  constructor(
    private readonly settings: CallSettings,
    private readonly service: string | undefined,
    private readonly ports: ClientPorts,
  ) {
    this.ownEntry = new OwnEntry(ports.clock);
    this.led = ledCalls({
      url: settings.url,
      call: (call) => this.call(call),
      viewOf: (answer, subject) => this.viewOf(answer, subject),
      awaitEnd: (view, until) => this.awaitEnd(view, until),
      now: () => this.ports.clock.now(),
      traceHeaders: () => traceHeaders(currentTrace()),
    });
  }

  get url(): string {
    return this.settings.url;
  }

  async submit<Schema extends PayloadSchema, Outputs extends object>(
    saga: Saga<Schema, Outputs>,
    input: z.input<Schema>,
    options: SubmitOptions = {},
  ): Promise<SubmitResult<Outputs>> {
    const result = await this.submitPlan(saga.plan(input), options);
    return { ...result, outputs: result.outputs as Partial<Outputs> };
  }

  async submitPlan(
    plan: Submission,
    options: SubmitOptions = {},
  ): Promise<SubmitResult<Record<string, Json>>> {
    const until = this.ports.clock.now() + durationMs(options.wait ?? 0);
    const idempotencyKey = readKey(options.idempotencyKey) ?? this.drawKey();
    const subject = { what: `start the transaction '${plan.name}'`, changes: true, idempotencyKey };
    const call: Call = {
      method: 'POST',
      path: '/v1/transactions',
      headers: { [HEADERS.idempotencyKey]: idempotencyKey, ...traceHeaders(currentTrace()) },
      body: withOptions(plan, options, this.service),
      hold: { until },
      isRepeatable: true,
      subject,
    };
    const answer = await this.ownEntry.submitting(async () => this.call(call));
    const accepted = this.viewOf(answer, subject);
    const isReplay = answer.header(HEADERS.idempotentReplayed) === 'true';
    return resultOf(await this.awaitEnd(accepted, until), isReplay);
  }

  async get(gid: string, options: { readonly wait?: Duration } = {}): Promise<TransactionView> {
    const until = this.ports.clock.now() + durationMs(options.wait ?? 0);
    return this.awaitEnd(await this.getOnce(gid, { until }), until);
  }

  async list(query: Partial<ListQuery> = {}): Promise<TransactionPage> {
    const texts = Object.entries(query).map(([name, value]) => [
      name,
      value === undefined ? value : String(value),
    ]);
    const answer = await this.call({
      ...asking('list transactions'),
      path: '/v1/transactions',
      query: Object.fromEntries(texts) as Record<string, string | undefined>,
    });
    return answer.body as unknown as TransactionPage;
  }

  async counts(): Promise<Counts> {
    const answer = await this.call({ ...asking('count transactions'), path: '/v1/counts' });
    return answer.body as unknown as Counts;
  }

  async endings(gids: readonly string[]): Promise<readonly Ending[]> {
    const subject = { what: 'tell which transactions have ended', changes: false };
    const answer = await this.call({
      method: 'POST',
      path: '/v1/transactions/endings',
      body: { gids },
      isRepeatable: false,
      subject,
    });
    const { success, data } = endingsSchema.safeParse(answer.body);
    if (!success) {
      throw new UnexpectedAnswerError({ ...subject, url: this.url }, 'its answer tells no endings');
    }
    return data.transactions;
  }

  async participants(): Promise<readonly ParticipantView[]> {
    const answer = await this.call({ ...asking('list participants'), path: '/v1/participants' });
    return (answer.body as unknown as ParticipantList).participants;
  }

  retry(
    gid: string,
    options: Partial<ActOptions> & { readonly branchId?: string } = {},
  ): Promise<TransactionView> {
    return this.act(gid, 'retry', options);
  }

  skip(gid: string, options: SkipOptions): Promise<TransactionView> {
    const { branchId, ...body } = options;
    return this.act(gid, `branches/${encodeURIComponent(branchId)}/skip`, body);
  }

  abort(gid: string, options: ActOptions): Promise<TransactionView> {
    return this.act(gid, 'abort', options);
  }

  pause(gid: string, options: ActOptions): Promise<TransactionView> {
    return this.act(gid, 'pause', options);
  }

  resume(gid: string, options: ActOptions): Promise<TransactionView> {
    return this.act(gid, 'resume', options);
  }

  resolve(gid: string, options: ResolveOptions): Promise<TransactionView> {
    return this.act(gid, 'resolve', options);
  }

  async registerInstance(...entry: Parameters<AtoneClient['registerInstance']>): Promise<void> {
    await this.ownEntry.through(this.enter(...entry));
  }

  private async enter(
    service: string,
    instance: ParticipantInstance,
    onWarning?: (warning: string) => void,
  ): Promise<void> {
    const what = `take up the instance '${instance.instance}' of '${service}'`;
    const path = instancePath(service, instance.instance);
    const subject = { what, changes: true };
    const answer = await this.call({ method: 'PUT', path, body: instance, isRepeatable: false, subject });
    // Any server may answer 200 to whatever it is sent, and the service would wait for ever for its commands.
    if (answer.status !== 204 || answer.header(HEADERS.protocol) === undefined) {
      throw new UnexpectedAnswerError({ ...subject, url: this.url }, whatAnswered(answer));
    }
    const warning = answer.header(HEADERS.warning);
    if (warning !== undefined) {
      onWarning?.(warning);
    }
  }

  async deregisterInstance(service: string, instance: string): Promise<void> {
    const what = `let go of the instance '${instance}' of '${service}'`;
    const path = instancePath(service, instance);
    const subject = { what, changes: true };
    await this.call({ method: 'DELETE', path, isRepeatable: true, ...FAREWELL, subject });
  }

  logInfo(): Promise<LogInfo> {
    return this.led.logInfo();
  }

  decide(gid: string, request: DecisionRequest, options?: DecideOptions): Promise<TransactionView> {
    return this.led.decide(gid, request, options);
  }

  registerBranches(gid: string, request: RegistrationRequest): Promise<TransactionView> {
    return this.led.registerBranches(gid, request);
  }

  notices(notices: readonly Notice[]): Promise<void> {
    return this.led.notices(notices);
  }

  ask(doubts: readonly Doubt[]): Promise<readonly Verdict[]> {
    return this.led.ask(doubts);
  }

  /** Acts are not repeated: a second abort may be refused because the first was done. */
  private async act(gid: string, act: string, body: object): Promise<TransactionView> {
    const what = `${act.split('/').at(-1)} ${gid}`;
    const path = `/v1/transactions/${encodeURIComponent(gid)}/${act}`;
    const subject = { what, changes: true, gid };
    return this.viewOf(
      await this.call({ method: 'POST', path, body, isRepeatable: false, subject }),
      subject,
    );
  }

  private async getOnce(gid: string, hold: Hold, patienceMaxMs?: number): Promise<TransactionView> {
    const what = `look up ${gid}`;
    const subject = { what, changes: false, gid };
    const answer = await this.call({
      ...asking(what),
      path: `/v1/transactions/${encodeURIComponent(gid)}`,
      hold,
      subject,
      ...(patienceMaxMs === undefined ? {} : { patienceMaxMs }),
    });
    return this.viewOf(answer, subject);
  }

  /** Asks until the end, `until`, or until only an operator can bring it. What is known already is never lost. */
  private async awaitEnd(first: TransactionView, until: number): Promise<TransactionView> {
    let view = first;
    while (!hasSettled(view) && this.ports.clock.now() + POLL_MS < until) {
      // oxlint-disable-next-line no-await-in-loop -- each question follows from the answer before
      await sleep(this.ports.clock, POLL_MS);
      const restMs = Math.max(until - this.ports.clock.now(), 0);
      try {
        // oxlint-disable-next-line no-await-in-loop -- see above
        view = await this.getOnce(view.gid, { until, slackMs: HOLD_SLACK_MS }, restMs);
      } catch (error) {
        if (error instanceof AtoneClientError && error.retryable) {
          return view;
        }
        throw error;
      }
    }
    return view;
  }

  private call(call: Call): Promise<Answer> {
    return makeCall(call, this.settings, this.ports);
  }

  private drawKey(): string {
    return Array.from(this.ports.random.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  private viewOf(answer: Answer, subject: Call['subject']): TransactionView {
    const view = answer.body as Partial<TransactionView> | undefined;
    if (typeof view?.gid !== 'string' || typeof view.outcome !== 'string' || !Array.isArray(view.branches)) {
      throw new UnexpectedAnswerError({ ...subject, url: this.url }, 'its answer is no transaction');
    }
    return view as TransactionView;
  }
}

/** Who leaves out the scheme means this one. */
function cureOf(url: string): string {
  const whole = `http://${url}`;
  const isWithoutScheme = !url.includes('://') && URL.canParse(whole);
  return `write ${isWithoutScheme ? whole : 'it as in http://127.0.0.1:7070'}`;
}

function settingsOf(options: ClientOptions): CallSettings {
  if (!URL.canParse(options.url) || !/^https?:$/u.test(new URL(options.url).protocol)) {
    throw new MisuseError(
      `The coordinator's url '${options.url}' is no http(s) url: ${cureOf(options.url)}.`,
    );
  }
  return {
    url: options.url.replace(/\/+$/u, ''),
    token: options.token,
    patienceMs: durationMs(options.patience ?? DEFAULT_PATIENCE_MS),
    requestTimeoutMs: durationMs(options.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT_MS),
  };
}

function readKey(key: string | undefined): string | undefined {
  if (key !== undefined && !idempotencyKeySchema.safeParse(key).success) {
    throw new TypeError(`The idempotency key '${key}' must hold 1 to 128 of A-Z a-z 0-9 . _ : -`);
  }
  return key;
}

function withOptions(plan: Submission, options: SubmitOptions, service: string | undefined): Submission {
  const lane = options.lane ?? plan.lane ?? currentBranch()?.lane;
  const initiator = plan.initiator ?? service;
  const hasTags = options.tags !== undefined || plan.tags !== undefined;
  return {
    ...plan,
    ...(initiator === undefined ? {} : { initiator }),
    ...(lane === undefined ? {} : { lane }),
    ...(hasTags ? { tags: { ...plan.tags, ...options.tags } } : {}),
  };
}

/** What is started while a branch is carried out, or inside of a led transaction, belongs to the same trace. */
function currentTrace(): TraceContext {
  return currentBranch() ?? currentFrame() ?? {};
}

function resultOf(view: TransactionView, isReplay: boolean): SubmitResult<Record<string, Json>> {
  const { gid, outcome, state, stuck, abort, branches } = view;
  const outputs = branches.flatMap(({ branchId, output }) =>
    output === undefined ? [] : [[branchId, output]],
  );
  return {
    gid,
    outcome,
    state,
    ...(stuck === undefined ? {} : { stuck }),
    ...(abort === undefined ? {} : { abort }),
    outputs: Object.fromEntries(outputs) as Record<string, Json>,
    isReplay,
    transaction: view,
  };
}

/** Ended, or stuck: waiting would not help. */
function hasSettled(view: TransactionView): boolean {
  return view.state === 'committed' || view.state === 'aborted' || view.stuck !== undefined;
}

function asking(what: string): Pick<Call, 'method' | 'isRepeatable' | 'subject'> {
  return { method: 'GET', isRepeatable: true, subject: { what, changes: false } };
}

function instancePath(service: string, instance: string): string {
  return `/v1/participants/${encodeURIComponent(service)}/instances/${encodeURIComponent(instance)}`;
}
