import {
  backoffMs,
  type BranchErrorClass,
  type BranchKind,
  type BranchReply,
  type Json,
  type LedBranch,
} from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { NotConnectedError, sleep } from '../client.ports.js';
import { sendPast } from '../failpoints.js';
import { MisuseError } from '../participant.error.js';
import { RefusedError } from '../contract.js';
import {
  CallTimeoutError,
  NotSentError,
  TransactionTimeoutError,
  UnknownOutcomeError,
  type CallName,
  type LedError,
} from './led.errors.js';
import { remainingMs, type LedFrame } from './led.frame.js';
import type { OpenCall } from './scope.js';
import { messageOf } from './settled.js';
import { within, type TimeLimit } from './time.limit.js';

/** One call of an action of another participant. */
export interface BranchCall<Output = Json> {
  readonly service: string;
  readonly action: string;
  readonly kind: BranchKind;
  /** Returns the input, once the call is numbered and in flight. If it throws, nothing is sent. */
  input(): Promise<Json | undefined>;
  /** After it the call throws, and its branch is undone. Default: the transaction's deadline. */
  readonly timeoutMs?: number | undefined;
  /** For how long an unknown outcome is asked for again. */
  readonly patienceMs: number;
  /** Finds out where an attempt goes, and returns what sends it there. While it has not returned, and if it throws, nothing is sent. */
  route(command: BranchCommand): Promise<SendAttempt>;
  /** Returns what the caller gets for what the participant answered. If it throws, the call has thrown. */
  read(output: Json): Promise<Output>;
}

/** Sends one attempt. Unless it is a NotConnectedError, what it throws counts as an unknown outcome. */
export type SendAttempt = () => Promise<BranchReply>;

const PAUSE = { initialMs: 50, capMs: 2_000, attemptCountMax: 0, undoAttemptCountMax: 0, replyTimeoutMs: 0 };

/**
 * Asking again changes nothing about these, until somebody changes the code or the configuration. Nothing of such an attempt is left:
 * its handler was not run, or has thrown what rolls back.
 */
const HOPELESS: ReadonlySet<string> = new Set(['code', 'bad-payload', 'action-gone']);

/**
 * Makes `call` in the transaction of `frame`, under one id however often it has to be sent.
 *
 * @throws RefusedError when the participant said no.
 * @throws CallTimeoutError, TransactionTimeoutError when time was over before an answer came.
 * @throws NotSentError when none of its attempts has left this process; UnknownOutcomeError when nobody can tell what became of it.
 * @throws TransactionOverError when the transaction's method has ended, or its request is answered.
 */
export async function callBranch<Output>(frame: LedFrame, call: BranchCall<Output>): Promise<Output> {
  const { service, action, kind } = call;
  const open = frame.scope.begin(`${service}.${action}`, { service, action, kind });
  frame.onCall?.();
  const name: CallName = { gid: frame.gid, branchId: open.branchId, what: `${service}.${action}` };
  try {
    const input = await call.input();
    const reply = await within(limitOf(frame, name, call.timeoutMs), () =>
      askUntilKnown(frame, { ...call, input }, open),
    );
    return await land({ call: { ...call, input }, open, name }, reply);
  } catch (error) {
    open.threw();
    throw error;
  }
}

/** A call whose input is there. */
type ReadyCall<Output> = Omit<BranchCall<Output>, 'input'> & { readonly input: Json | undefined };

/** Returns when a call throws, and what. */
export function limitOf(frame: LedFrame, name: CallName, timeoutMs = Number.POSITIVE_INFINITY): TimeLimit {
  const restMs = remainingMs(frame);
  const { clock } = frame.ports;
  return timeoutMs < restMs
    ? { clock, ms: timeoutMs, expired: () => new CallTimeoutError(name, timeoutMs) }
    : {
        clock,
        ms: restMs,
        expired: () => new TransactionTimeoutError(frame.gid, `while ${name.what} was called`),
      };
}

/** Returns how long to wait before a call is sent again that was sent `attempt` times. */
export function pauseMs(frame: LedFrame, attempt: number): number {
  return backoffMs(attempt, PAUSE, frame.ports.random);
}

async function askUntilKnown<Output>(
  frame: LedFrame,
  call: ReadyCall<Output>,
  open: OpenCall,
): Promise<BranchReply> {
  const { clock } = frame.ports;
  const until = clock.now() + call.patienceMs;
  for (let attempt = 1; ; attempt += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one attempt must be over before the next
    const reply = await sendOnce(call, commandOf(frame, call, { open, attempt }), open);
    const waitMs = waitBeforeNext(reply, pauseMs(frame, attempt));
    const isOutOfPatience = reply.outcome !== 'not-yet' && clock.now() + (waitMs ?? 0) > until;
    if (waitMs === undefined || isOutOfPatience || open.isSettled) {
      return reply;
    }
    // oxlint-disable-next-line no-await-in-loop -- see above
    await sleep(clock, waitMs);
    if (open.isSettled) {
      return reply;
    }
    open.repeated();
  }
}

function waitBeforeNext(reply: BranchReply, backoff: number): number | undefined {
  if (reply.outcome === 'not-yet') {
    return reply.retryAfterMs;
  }
  return reply.outcome === 'unknown' && !HOPELESS.has(reply.error.class) ? backoff : undefined;
}

async function sendOnce<Output>(
  call: ReadyCall<Output>,
  command: BranchCommand,
  open: OpenCall,
): Promise<BranchReply> {
  try {
    const send = await call.route(command);
    return await sendPast('call', async () => leave(open, send));
  } catch (error) {
    return { outcome: 'unknown', error: { class: classOf(error), message: messageOf(error) } };
  }
}

/** What has not left because of a mistake will not leave the next time. */
function classOf(error: unknown): BranchErrorClass {
  const cause = error instanceof NotConnectedError ? error.cause : error;
  return cause instanceof MisuseError ? 'code' : 'unreachable';
}

/** What was given up meanwhile is on no list, and nothing of it may begin now. */
async function leave(open: OpenCall, send: SendAttempt): Promise<BranchReply> {
  if (!open.leaves()) {
    throw new Error('the call was given up before it was sent');
  }
  try {
    return await send();
  } catch (error) {
    if (error instanceof NotConnectedError) {
      open.stayed();
    }
    throw error;
  }
}

function commandOf<Output>(
  frame: LedFrame,
  { service, action, input }: ReadyCall<Output>,
  { open, attempt }: { readonly open: OpenCall; readonly attempt: number },
): BranchCommand {
  const { gid, led, lane, traceparent, baggage, ports } = frame;
  return {
    gid,
    branchId: open.branchId,
    op: 'action',
    round: 1,
    attempt,
    service,
    action,
    ...(input === undefined ? {} : { input }),
    led,
    remainingMs: Math.max(0, remainingMs(frame)),
    issuedAt: ports.time.now(),
    ...(lane === undefined ? {} : { lane }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(baggage === undefined ? {} : { baggage }),
  };
}

interface Landing<Output> {
  readonly call: ReadyCall<Output>;
  readonly open: OpenCall;
  readonly name: CallName;
}

async function land<Output>({ call, open, name }: Landing<Output>, reply: BranchReply): Promise<Output> {
  switch (reply.outcome) {
    case 'done':
      return accept({ call, open, name }, reply);
    case 'refused':
      // What is stored as refused has no effect, now or later. Else a repeat of it may still be on its way.
      open.threw(reply.refusal.isStored ? [] : undefined);
      throw new RefusedError(reply.refusal.reason, reply.refusal.details, { by: name.what });
    case 'already-undone':
      open.threw([]);
      throw new RefusedError('already cancelled', undefined, { by: name.what });
    case 'unknown':
      throw failureOf(open, name, reply.error);
    case 'not-yet':
    case 'confirmed':
    case 'lost':
    case 'undone':
    case 'closed':
      throw new UnknownOutcomeError(name, {
        why: `it answered '${reply.outcome}' to an action`,
        errorClass: 'error',
      });
  }
}

type AttemptError = Extract<BranchReply, { outcome: 'unknown' }>['error'];

function failureOf({ leftCount }: OpenCall, name: CallName, error: AttemptError): LedError {
  const isUndone = HOPELESS.has(error.class);
  const fault = { why: error.message, errorClass: error.class, isUndone, attemptCount: leftCount };
  return leftCount === 0 ? new NotSentError(name, fault) : new UnknownOutcomeError(name, fault);
}

/** What lies below a branch stands before it: it is undone after it. */
async function accept<Output>(
  { call, open }: Landing<Output>,
  { output, enlistment }: Extract<BranchReply, { outcome: 'done' }>,
): Promise<Output> {
  const { service, action, kind, input } = call;
  const { below = [], registered = [], nonce, inputHash } = enlistment ?? {};
  const own: LedBranch = {
    branchId: open.branchId,
    service,
    action,
    kind: enlistment?.kind ?? kind,
    // Without a barrier that remembers them, the end of the branch has to be told.
    ...(enlistment === undefined
      ? { ...(input === undefined ? {} : { input }), output }
      : { nonce, inputHash }),
  };
  const all = [...below, own];
  try {
    const result = await call.read(output);
    open.returned({ below: all, registered });
    return result;
  } catch (error) {
    open.threw(all);
    throw error;
  }
}
