import { iso, viewOf, type Clock, type Engine } from '@atone/engine';
import {
  ERROR_CODES,
  LED_TIMEOUT_MAX_MS,
  type DecisionRequest,
  type Doubt,
  type Notice,
  type RegistrationRequest,
} from '@atone/protocol';

/** A request of the coordinator's API. */
export interface RestRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

interface RestAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What the log says to a row that it has no place for any more; to who asked it is an error of the server. */
const NO_PLACE = 'LOG_DAY_OUT_OF_RANGE';

/** The part of the coordinator's API that led transactions use, without HTTP around it. @throws what nobody expects. */
export async function answerRest(engine: Engine, clock: Clock, request: RestRequest): Promise<RestAnswer> {
  try {
    return { status: 200, body: await answer(engine, clock, request) };
  } catch (error) {
    return problemOf(error);
  }
}

async function answer(engine: Engine, clock: Clock, { path, query, body }: RestRequest): Promise<unknown> {
  const [, , what, gid = '', part] = path.split('/');
  if (what === 'log') {
    const { logNumber, epoch } = engine.logLife();
    return { logNumber, epoch, now: iso(clock.now()), timeoutMaxMs: LED_TIMEOUT_MAX_MS };
  }
  if (gid === 'notices') {
    engine.notice((body as { notices: Notice[] }).notices);
    return {};
  }
  if (gid === 'doubts') {
    return { verdicts: await engine.doubts((body as { doubts: Doubt[] }).doubts) };
  }
  if (part === 'branches') {
    return viewOf(await engine.register(gid, body as RegistrationRequest));
  }
  if (part === 'decision') {
    const decided = await engine.decide(gid, body as DecisionRequest);
    const waitMs = waitOf(query);
    return viewOf(waitMs === 0 ? decided.snapshot : await engine.waitForEnd(gid, waitMs));
  }
  if (part === undefined && gid !== '') {
    return viewOf(await engine.waitForEnd(gid, waitOf(query)));
  }
  throw new Error(`The simulated coordinator has no ${path}.`);
}

/** The library writes `10s` or `4800ms`. */
function waitOf(query: URLSearchParams): number {
  const wait = query.get('wait') ?? '0s';
  return Number.parseInt(wait, 10) * (wait.endsWith('ms') ? 1 : 1_000);
}

function problemOf(error: unknown): RestAnswer {
  const {
    code: own,
    outcome,
    message,
    retryable,
  } = error as {
    readonly code?: string;
    readonly outcome?: unknown;
    readonly message: string;
    readonly retryable?: boolean;
  };
  // What the log did not answer to has no code of its own.
  const code = own ?? (retryable === true ? 'LOG_UNAVAILABLE' : '');
  const status = code === NO_PLACE ? 500 : (ERROR_CODES as Readonly<Record<string, number>>)[code];
  if (status === undefined) {
    throw error;
  }
  return { status, body: { code, detail: message, outcome } };
}
