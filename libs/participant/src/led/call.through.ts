import { durationMs, type Duration } from '../client.duration.js';
import { sleep } from '../client.ports.js';
import { sendPast } from '../failpoints.js';
import { limitOf, pauseMs } from './branch.call.js';
import { contextHeaders, readEnlisted } from './http.context.js';
import { UnknownOutcomeError, type CallName } from './led.errors.js';
import { remainingMs, type LedFrame } from './led.frame.js';
import type { OpenCall } from './scope.js';
import type { Enlisted } from './scope.port.js';
import { within } from './time.limit.js';

/** What an answer tells about the call that it answers. */
export interface AnswerMeaning {
  /** Whether the call returned normally. If not, all below it is off the list and undone, and the caller still gets the answer. */
  readonly isNormal: boolean;
  /** What the header `atone-enlisted`, or what stands for it elsewhere, holds. */
  readonly enlisted?: string | undefined;
}

/** A call by any client: HTTP, a message with a reply, or what else carries headers both ways. */
export interface ThroughCall<Answer> {
  /** What it is called in messages, such as `POST http://stock/reservations`. */
  readonly label: string;
  /** After it the call throws, and all below it is undone. Default: the transaction's deadline. */
  readonly timeout?: Duration | undefined;
  /** For how long it is sent again, under the same id, when no answer came. Default: it is not. */
  readonly repeatFor?: Duration | undefined;
  /**
   * Makes the call with `headers` in its request. `giveUp` takes it off the list at once, where nobody waits for its answer any
   * more: that it rejects then would be noticed some turns later.
   */
  send(headers: Readonly<Record<string, string>>, giveUp: () => void): Promise<Answer>;
  meaningOf(answer: Answer): AnswerMeaning;
}

/**
 * Makes a call in the transaction of `frame`: numbers it, hands the context to `send`, and puts on the list what the answer
 * has enlisted.
 *
 * @throws what `send` throws, CallTimeoutError, TransactionTimeoutError, TransactionOverError.
 * @throws UnknownOutcomeError when a normal answer tells something unreadable about what it has enlisted.
 */
export async function callThrough<Answer>(frame: LedFrame, call: ThroughCall<Answer>): Promise<Answer> {
  const open = beginCall(frame, call.label);
  const name: CallName = { gid: frame.gid, branchId: open.branchId, what: call.label };
  const timeoutMs = call.timeout === undefined ? undefined : durationMs(call.timeout);
  try {
    const answer = await within(limitOf(frame, name, timeoutMs), () => sendUntilAnswered(frame, call, open));
    settleCall(open, name, call.meaningOf(answer));
    return answer;
  } catch (error) {
    open.threw();
    throw error;
  }
}

/** Numbers a call that is settled by `settleCall`. */
export function beginCall(frame: LedFrame, label: string): OpenCall {
  const open = frame.scope.begin(label);
  frame.onCall?.();
  return open;
}

/** Puts what an answer tells on the list, or off it. @throws UnknownOutcomeError as `callThrough` does. */
export function settleCall(open: OpenCall, name: CallName, { isNormal, enlisted }: AnswerMeaning): void {
  const read = tryRead(enlisted, open.branchId);
  if (!isNormal) {
    open.threw(read instanceof Error ? [] : read.below);
  } else if (read instanceof Error) {
    open.threw([]);
    throw new UnknownOutcomeError(name, { why: read.message, errorClass: 'bad-payload' }, { cause: read });
  } else {
    open.returned(read);
  }
}

function tryRead(enlisted: string | undefined, branchId: string): Enlisted | Error {
  try {
    return readEnlisted(enlisted, branchId);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function sendUntilAnswered<Answer>(
  frame: LedFrame,
  call: ThroughCall<Answer>,
  open: OpenCall,
): Promise<Answer> {
  const { clock } = frame.ports;
  const until = clock.now() + Math.min(durationMs(call.repeatFor ?? 0), remainingMs(frame));
  for (let attempt = 1; ; attempt += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one attempt must be over before the next
      return await sendPast('call', () =>
        call.send(contextHeaders(frame, open.branchId), () => open.threw()),
      );
    } catch (error) {
      const pause = pauseMs(frame, attempt);
      if (clock.now() + pause >= until || open.isSettled) {
        throw error;
      }
      // oxlint-disable-next-line no-await-in-loop -- see above
      await sleep(clock, pause);
      if (open.isSettled) {
        throw error;
      }
      open.repeated();
    }
  }
}
