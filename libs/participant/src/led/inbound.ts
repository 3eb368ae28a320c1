import { HEADERS, type Problem } from '@atone/protocol';
import { runInFrame } from '../branch.context.js';
import { MisuseError } from '../participant.error.js';
import { isRefusal } from '../branch.failure.js';
import { BadContextError, readContext, writeEnlisted, type InboundHeaders } from './http.context.js';
import type { LedFrame, LedPorts } from './led.frame.js';
import { refusalProblem } from './http.refusal.js';
import { endRun, isShort, openRun, shortEnough, type Registrar } from './run.js';
import type { Enlisted } from './scope.port.js';
import { enlistedOf, type ScopeEnd } from './scope.js';
import { messageOf } from './settled.js';

/** How requests from other services are taken. */
export interface InboundOptions {
  /**
   * Takes lists that are too long for a header: the client of the coordinator. Without it they are sent as they are, and a proxy
   * may cut them off.
   */
  readonly registrar?: Registrar | undefined;
}

/** The longest list that an answer carries in a header. Many servers and proxies take 8 KiB for all headers. */
const ENLISTED_BYTES_MAX = 2_048;

/** What a handler answered, and the headers that must go with it. */
export interface InboundResult<Result> {
  readonly result: Result;
  readonly responseHeaders: Readonly<Record<string, string>>;
}

/**
 * Runs the handler of a request, or of a message with a reply, in the led transaction that its headers tell of; without them,
 * outside of any. For transports that have no adapter here.
 *
 * @throws BadContextError for headers that cannot be read: answer 400, and do nothing.
 * @throws MisuseError when the handler returned while its calls were in flight: answer no success.
 * @throws what the handler throws, and what the registrar throws.
 */
export async function runInboundOver<Result>(
  {
    headers,
    registrar,
    ports,
  }: InboundOptions & { readonly headers: InboundHeaders; readonly ports: LedPorts },
  handler: () => Promise<Result>,
): Promise<InboundResult<Result>> {
  const context = readContext(headers);
  if (context === undefined) {
    return { result: await runInFrame(undefined, handler), responseHeaders: {} };
  }
  const frame = openRun(context, ports);
  try {
    const result = await runInFrame(frame, handler);
    const enlisted = await shortEnough(frame, endRun(frame), { bytesMax: ENLISTED_BYTES_MAX, registrar });
    return { result, responseHeaders: enlistedHeaders(enlisted) };
  } finally {
    frame.scope.close();
  }
}

/** What an answer becomes that is about to be sent. */
export type AnswerEnd =
  | { readonly how: 'send'; readonly headers: Readonly<Record<string, string>> }
  | { readonly how: 'replace'; readonly problem: Problem }
  | { readonly how: 'register'; readonly registered: Promise<AnswerEnd> };

/** Ends the run of a request whose answer has `status`: what goes into its headers, or what is answered instead. */
export function endAnswer(frame: LedFrame, status: number, { registrar }: InboundOptions): AnswerEnd {
  if (status < 200 || status >= 300) {
    return { how: 'send', headers: headersOfNo(frame.scope.close()) };
  }
  let end: ScopeEnd;
  try {
    end = endRun(frame);
  } catch (error) {
    frame.scope.close();
    return { how: 'replace', problem: problemOf(error) };
  }
  const whole = enlistedOf(end);
  return registrar === undefined || isShort(whole, ENLISTED_BYTES_MAX)
    ? { how: 'send', headers: enlistedHeaders(whole) }
    : { how: 'register', registered: registerFirst(frame, end, registrar) };
}

/** Opens the run of a request, if it is part of a led transaction. Never throws: a problem is to be answered. */
export function openRequest(
  headers: InboundHeaders,
  ports: LedPorts,
): { readonly frame?: LedFrame | undefined; readonly problem?: Problem } {
  try {
    const context = readContext(headers);
    return { frame: context && openRun(context, ports) };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

async function registerFirst(frame: LedFrame, end: ScopeEnd, registrar: Registrar): Promise<AnswerEnd> {
  try {
    const enlisted = await shortEnough(frame, end, { bytesMax: ENLISTED_BYTES_MAX, registrar });
    return { how: 'send', headers: enlistedHeaders(enlisted) };
  } catch (error) {
    const detail = `The branches below this request could not be registered: ${messageOf(error)}`;
    return {
      how: 'replace',
      problem: problem({ status: 503, code: 'LOG_UNAVAILABLE', title: 'Not registered', detail }),
    };
  }
}

/** The caller undoes what it is told of, also of a request that failed; a list that is too long it need not know. */
function headersOfNo(end: ScopeEnd): Readonly<Record<string, string>> {
  const whole = enlistedOf(end);
  return isShort(whole, ENLISTED_BYTES_MAX) ? enlistedHeaders(whole) : {};
}

function enlistedHeaders(enlisted: Enlisted): Readonly<Record<string, string>> {
  const value = writeEnlisted(enlisted);
  return value === undefined ? {} : { [HEADERS.enlisted]: value };
}

function problemOf(error: unknown): Problem {
  if (error instanceof BadContextError) {
    const { message: detail, errors } = error;
    return {
      ...problem({ status: 400, code: error.code, title: 'Bad transaction context', detail }),
      errors,
    };
  }
  if (isRefusal(error)) {
    return refusalProblem(error);
  }
  const detail =
    error instanceof MisuseError ? error.message : 'The transaction of the request could not be ended.';
  return problem({ status: 500, code: 'CALLS_IN_FLIGHT', title: 'Calls in flight', detail });
}

function problem(given: Pick<Problem, 'status' | 'code' | 'title' | 'detail'>): Problem {
  return { type: `urn:atone:problem:${given.code.toLowerCase().replaceAll('_', '-')}`, ...given };
}
