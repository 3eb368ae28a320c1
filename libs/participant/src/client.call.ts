import { backoffMs, type Json } from '@atone/core';
import type { FieldProblem } from '@atone/protocol';
import {
  CoordinatorBusyError,
  CoordinatorRefusedError,
  CoordinatorUnreachableError,
  UnexpectedAnswerError,
  type AtoneClientError,
  type CallSubject,
} from './client.errors.js';
import { sleep, type ClientPorts, type HttpRequest, type HttpResponse } from './client.ports.js';

/** How this client reaches its coordinator. */
export interface CallSettings {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
  readonly patienceMs: number;
  readonly requestTimeoutMs: number;
}

/** One call of the coordinator's API. */
export interface Call {
  readonly method: HttpRequest['method'];
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Until when the coordinator may hold the call on purpose; what is repeated later is not held. */
  readonly hold?: Hold | undefined;
  /** Whether a call of unknown outcome may be made again. */
  readonly isRepeatable: boolean;
  /** For how long, if less than the client's patience. */
  readonly patienceMaxMs?: number;
  /** How long one attempt that is not held may take, if less than as the client says. */
  readonly timeoutMaxMs?: number;
  readonly subject: Omit<CallSubject, 'url'>;
}

/** How long the coordinator may hold a call, by the clock of the client. */
export interface Hold {
  readonly until: number;
  /** How much later an attempt that was held is given up. Default: as much as one may take that is not held. */
  readonly slackMs?: number;
}

/** A yes. */
export interface Answer {
  readonly status: number;
  readonly body: Json | undefined;
  header(name: string): string | undefined;
}

type Attempt =
  | { readonly kind: 'yes'; readonly answer: Answer }
  | { readonly kind: 'no'; readonly error: AtoneClientError }
  | { readonly kind: 'busy'; readonly code: string; readonly why: string; readonly retryAfterMs: number }
  | { readonly kind: 'unknown'; readonly why: string; readonly cause?: unknown };

/** What somebody waits for who is to be answered in time, and not with the end at any price. */
export const HOLD_SLACK_MS = 1_000;
/** The longest that one request is held: proxies cut off longer ones. */
const HELD_MAX_MS = 20_000;

const RETRY = { initialMs: 100, capMs: 2_000, attemptCountMax: 0, undoAttemptCountMax: 0, replyTimeoutMs: 0 };

/**
 * Makes `call`, again and again while nobody knows what became of it, as long as patience and the call allow.
 *
 * @throws AtoneClientError when there is no yes.
 */
export async function makeCall(call: Call, settings: CallSettings, ports: ClientPorts): Promise<Answer> {
  const subject = { ...call.subject, url: settings.url };
  const patienceMs = Math.min(settings.patienceMs, call.patienceMaxMs ?? settings.patienceMs);
  const startedAt = ports.clock.now();
  const until = startedAt + patienceMs;
  let lastUnknown: Extract<Attempt, { kind: 'unknown' }> | undefined;
  for (let attempt = 1; ; attempt += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one attempt must be over before the next
    const result = await attemptCall(call, settings, ports);
    if (result.kind === 'yes') {
      return result.answer;
    }
    if (result.kind === 'no') {
      throw result.error;
    }
    lastUnknown = result.kind === 'unknown' ? result : lastUnknown;
    const pauseMs = Math.max(
      backoffMs(attempt, RETRY, ports.random),
      result.kind === 'busy' ? result.retryAfterMs : 0,
    );
    if (!call.isRepeatable || ports.clock.now() + pauseMs > until) {
      throw givenUp(subject, lastUnknown ?? result, attempt === 1 ? 0 : ports.clock.now() - startedAt);
    }
    // oxlint-disable-next-line no-await-in-loop -- see above
    await sleep(ports.clock, pauseMs);
  }
}

/** Tells what gave an answer that no coordinator gives, as far as it shows. */
export function whatAnswered({ status, header }: Pick<HttpResponse, 'status' | 'header'>): string {
  const shown = ['server', 'content-type'].flatMap((name) => {
    const value = header(name);
    return value === undefined ? [] : [`${name}: ${value}`];
  });
  return [`it answered ${status}`, ...shown].join(', ');
}

function givenUp(
  subject: CallSubject,
  result: Extract<Attempt, { kind: 'unknown' | 'busy' }>,
  triedMs: number,
): AtoneClientError {
  return result.kind === 'busy'
    ? new CoordinatorBusyError(subject, result.code, result.why)
    : new CoordinatorUnreachableError(subject, result.why, { cause: result.cause, triedMs });
}

async function attemptCall(call: Call, settings: CallSettings, ports: ClientPorts): Promise<Attempt> {
  let response: HttpResponse;
  try {
    response = await ports.send(requestOf(call, settings, ports.clock.now()));
  } catch (error) {
    return { kind: 'unknown', why: reasonOf(error), cause: error };
  }
  return judge(response, { ...call.subject, url: settings.url });
}

function requestOf(call: Call, settings: CallSettings, nowMs: number): HttpRequest {
  const { until = nowMs, slackMs = settings.requestTimeoutMs } = call.hold ?? {};
  const heldMs = Math.min(Math.max(0, until - nowMs), HELD_MAX_MS);
  const { timeoutMaxMs = Infinity } = call;
  return {
    method: call.method,
    url: `${settings.url}${call.path}${searchOf(call, heldMs)}`,
    headers: {
      accept: 'application/json, application/problem+json',
      ...(settings.token === undefined ? {} : { authorization: `Bearer ${settings.token}` }),
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    timeoutMs: heldMs > 0 ? heldMs + slackMs : Math.min(settings.requestTimeoutMs, timeoutMaxMs),
  };
}

function searchOf(call: Call, heldMs: number): string {
  const query = new URLSearchParams(heldMs > 0 ? { wait: waitText(heldMs) } : {});
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) {
      query.set(name, value);
    }
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}

function waitText(heldMs: number): string {
  const ms = Math.ceil(heldMs);
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

function judge(response: HttpResponse, subject: CallSubject): Attempt {
  const { status } = response;
  const body = readJson(response.text);
  if (status < 200 || status >= 300) {
    return judgeNotYes(response, isProblem(body) ? body : undefined, subject);
  }
  return body === NOT_JSON
    ? { kind: 'no', error: new UnexpectedAnswerError(subject, `${whatAnswered(response)}, which is no JSON`) }
    : { kind: 'yes', answer: { status, body, header: (name) => response.header(name) } };
}

function judgeNotYes(
  response: HttpResponse,
  problem: ProblemBody | undefined,
  subject: CallSubject,
): Attempt {
  const { status } = response;
  const { code = `HTTP_${status}`, detail = `it answered ${status}.` } = problem ?? {};
  if (status === 429 || status === 503 || code === 'IDEMPOTENCY_IN_FLIGHT') {
    return { kind: 'busy', code, why: detail, retryAfterMs: retryAfterOf(response) };
  }
  if (status >= 500 || status === 408) {
    return { kind: 'unknown', why: `it answered ${status} (${detail.replace(/\.$/u, '')})` };
  }
  if (problem === undefined) {
    const why =
      status < 400 ? `it redirects, with ${status}` : `${whatAnswered(response)}, no problem document`;
    return { kind: 'no', error: new UnexpectedAnswerError(subject, why) };
  }
  const refusal = { status, code, detail, errors: problem.errors ?? [], outcome: outcomeOf(problem) };
  return { kind: 'no', error: new CoordinatorRefusedError(subject, refusal) };
}

const NOT_JSON = Symbol('not JSON');

function readJson(text: string): Json | undefined | typeof NOT_JSON {
  if (text.trim() === '') {
    return undefined;
  }
  try {
    return JSON.parse(text) as Json;
  } catch {
    return NOT_JSON;
  }
}

/** A problem document, as far as it can be relied on. */
interface ProblemBody {
  readonly code: string;
  readonly detail?: string;
  readonly errors?: readonly FieldProblem[];
  readonly outcome?: unknown;
}

function outcomeOf({ outcome }: ProblemBody): 'committed' | 'aborted' | undefined {
  return outcome === 'committed' || outcome === 'aborted' ? outcome : undefined;
}

function isProblem(body: unknown): body is ProblemBody {
  const { code, detail = '', errors = [] } = (body ?? {}) as { [Key in keyof ProblemBody]: unknown };
  return typeof code === 'string' && typeof detail === 'string' && Array.isArray(errors);
}

function retryAfterOf(response: HttpResponse): number {
  const seconds = Number(response.header('retry-after') ?? 0);
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1_000) : 0;
}

/** `fetch` says only "fetch failed" and hides the reason in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) {
    return String(cause);
  }
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
  return cause.message === '' ? code : cause.message.replace(/\.$/u, '');
}
