import type { Random } from '@atone/core';
import { LED_BRANCH_COUNT_MAX, type RegistrationRequest } from '@atone/protocol';
import { runInFrame } from '../branch.context.js';
import type { LedClient } from '../client.led.js';
import { RefusedError } from '../contract.js';
import { sendPast } from '../failpoints.js';
import type { CallContext } from './http.context.js';
import { CallsInFlightError, runInFlightError } from './led.errors.js';
import { remainingMs, type LedFrame, type LedPorts } from './led.frame.js';
import type { Enlisted, LedRuntime } from './scope.port.js';
import { shorten } from './scope.prefixes.js';
import { enlistedOf, Scope, type ScopeEnd } from './scope.js';

/** Who takes lists that are too long for an answer. The client of the coordinator does. */
export type Registrar = Pick<LedClient, 'registerBranches'>;

/** What a caller that tells no time gets. */
const DEFAULT_REMAINING_MS = 30_000;
/** A reply is longer than a header, but not without limit. */
const REPLY_BYTES_MAX = 16_384;
const RUN_CHARS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const RUN_LENGTH = 6;

/** What executions of branches need besides their machine. */
export interface LedRuntimeOptions {
  readonly registrar?: Registrar | undefined;
  /** A longer list is registered, and not answered. Default: 16 KiB. */
  readonly replyBytesMax?: number | undefined;
}

/**
 * Returns what gives executions of branches their scopes.
 *
 * Long lists are registered with `registrar` before they are answered; without one they are answered as they are.
 */
export function createPortLedRuntime(
  { registrar, replyBytesMax = REPLY_BYTES_MAX }: LedRuntimeOptions,
  ports: LedPorts,
): LedRuntime {
  return {
    async run(command, work, onCall) {
      const frame: LedFrame = { ...openRun(command, ports), onCall };
      const scope = {
        collect: async () => shortEnough(frame, endRun(frame), { bytesMax: replyBytesMax, registrar }),
      };
      try {
        return await runInFrame(frame, () => work(scope));
      } finally {
        frame.scope.close();
      }
    },
  };
}

/** Returns the frame of a new run of the branch, or the request, that `context` names. */
export function openRun(context: CallContext, ports: LedPorts): LedFrame {
  const { gid, branchId, led, lane, traceparent, baggage } = context;
  const restMs = context.remainingMs ?? DEFAULT_REMAINING_MS;
  const prefix = `${branchId}~${drawRun(ports.random)}.`;
  return {
    gid,
    led,
    deadlineAt: ports.clock.now() + restMs,
    deadline: ports.time.instant(ports.time.now() + restMs),
    lane,
    traceparent,
    baggage,
    isInitiator: false,
    scope: new Scope(prefix, gid),
    ports,
  };
}

/**
 * Ends a run that is about to answer yes.
 *
 * @throws MisuseError when calls are in flight; RefusedError when it was marked for abort.
 */
export function endRun({ scope }: LedFrame): ScopeEnd {
  if (scope.abortReason !== undefined) {
    throw new RefusedError(scope.abortReason);
  }
  try {
    return scope.collect();
  } catch (error) {
    throw error instanceof CallsInFlightError ? runInFlightError(error) : error;
  }
}

/** Tells whether a list can stand in an answer as it is. */
export function isShort(enlisted: Enlisted, bytesMax: number): boolean {
  return enlisted.below.length === 0 || Buffer.byteLength(JSON.stringify(enlisted)) <= bytesMax;
}

/** Returns what an answer tells, after it was registered if it is too long. @throws what the registrar throws. */
export async function shortEnough(
  frame: LedFrame,
  end: ScopeEnd,
  { bytesMax, registrar }: { readonly bytesMax: number; readonly registrar: Registrar | undefined },
): Promise<Enlisted> {
  const whole = enlistedOf(end);
  if (registrar === undefined || isShort(whole, bytesMax)) {
    return whole;
  }
  const { toRegister, below, registered } = shorten(frame.scope.prefix, end);
  await register(frame, toRegister, registrar);
  return { below, registered };
}

/** Makes `branches` durable before the decision. */
export async function register(
  frame: LedFrame,
  branches: RegistrationRequest['branches'] | Enlisted['below'],
  registrar: Registrar,
): Promise<void> {
  for (let from = 0; from < branches.length; from += LED_BRANCH_COUNT_MAX) {
    const chunk = branches.slice(from, from + LED_BRANCH_COUNT_MAX);
    // oxlint-disable-next-line no-await-in-loop -- they meet in one row, and would only wait for each other there
    await sendPast('register', () => registrar.registerBranches(frame.gid, registrationOf(frame, chunk)));
  }
}

function registrationOf(frame: LedFrame, branches: Enlisted['below']): RegistrationRequest {
  const { led, name, lane } = frame;
  const restMs = Math.max(0, Math.floor(remainingMs(frame)));
  return {
    ...led,
    // Only the initiator knows the name; its notice or its decision tells it.
    name: name ?? led.initiator,
    timeoutMs: led.timeoutMs ?? Math.max(1, restMs),
    remainingMs: restMs,
    ...(lane === undefined ? {} : { lane }),
    branches: [...branches],
  };
}

/** Drawn by each execution, so that no two of them ever share the ids of their calls. */
function drawRun(random: Random): string {
  return Array.from(random.bytes(RUN_LENGTH), (byte) => RUN_CHARS[byte % RUN_CHARS.length]).join('');
}
