import { createHash } from 'node:crypto';
import { mintGid } from '@atone/core';
import { LED_BRANCH_COUNT_MAX, LED_TIMEOUT_MAX_MS, type DecisionRequest, type Notice } from '@atone/protocol';
import { currentBranch, currentFrame } from '../branch.context.js';
import { durationMs } from '../client.duration.js';
import { MisuseError } from '../participant.error.js';
import type { GlobalTransactionsOptions, TransactionOptions } from './global.options.js';
import type { Afterwards, LedFrame, LedPorts } from './led.frame.js';
import type { KnownLog } from './log.life.js';
import type { Told } from './notices.js';
import { register } from './run.js';
import { shorten } from './scope.prefixes.js';
import { enlistedOf, Scope, type ScopeEnd } from './scope.js';
import { toldCalls } from './told.calls.js';

const DEFAULT_TIMEOUT = '30s';
const SECRET_BYTES = 32;

/** What a transaction begins with. */
export interface Beginning {
  readonly log: KnownLog;
  readonly transaction: TransactionOptions<never>;
  readonly options: GlobalTransactionsOptions;
  readonly ports: LedPorts;
  /** Is told when the first call is about to be made. */
  readonly onFirstCall: (told: Told) => void;
}

/** A transaction as the process that leads it knows it. */
export interface Led {
  readonly frame: LedFrame & { readonly afterwards: Afterwards };
  readonly secret: string;
  /** A longer list is registered before it is committed. */
  readonly branchCountMax: number;
  readonly start: Pick<Notice, 'name' | 'initiator' | 'epoch' | 'timeoutMs' | 'tags' | 'lane'>;
}

/** Mints a transaction. Nothing is sent, and nothing written. @throws MisuseError for a timeout that no log takes. */
export function begin({ log, transaction, options, ports, onFirstCall }: Beginning): Led {
  const { name, tags } = transaction;
  const timeoutMs = timeoutOf(transaction, options, log);
  const gid = mintGid(log.nowMs(), log.logNumber, ports.random);
  const secret = Buffer.from(ports.random.bytes(SECRET_BYTES)).toString('hex');
  const secretHash = createHash('sha256').update(secret).digest('hex');
  const lane = transaction.lane ?? currentFrame()?.lane ?? currentBranch()?.lane;
  const start = {
    name,
    initiator: options.service,
    epoch: log.epoch,
    timeoutMs,
    ...(tags === undefined ? {} : { tags: { ...tags } }),
    ...(lane === undefined ? {} : { lane }),
  };
  let isKnown = false;
  const deadlineAt = ports.clock.now() + timeoutMs;
  const scope = new Scope('', gid);
  const notice = (): Notice => ({ gid, ...start, secretHash, ...toldCalls(scope.calls) });
  const frame = {
    gid,
    led: { secretHash, epoch: log.epoch, initiator: options.service, timeoutMs },
    name,
    deadlineAt,
    deadline: ports.time.instant(ports.time.now() + timeoutMs),
    lane,
    ...traceOf(options),
    isInitiator: true,
    scope,
    ports,
    afterwards: { onCommit: [], onAbort: [] },
    log: options.log,
    onCall: () => {
      if (!isKnown) {
        isKnown = true;
        onFirstCall({ gid, deadlineAt, notice });
      }
    },
  };
  const branchCountMax = Math.min(options.branchCountMax ?? LED_BRANCH_COUNT_MAX, LED_BRANCH_COUNT_MAX);
  return { frame, secret, branchCountMax, start };
}

/** Returns the request that decides, or undefined where there is nothing that could be told to anybody. */
export async function decisionOf(
  led: Led,
  end: ScopeEnd,
  decision: Pick<DecisionRequest, 'to' | 'message'> & Pick<GlobalTransactionsOptions, 'coordinator'>,
): Promise<DecisionRequest | undefined> {
  const { to, message, coordinator } = decision;
  const list = await listOf(led, end, { to, coordinator });
  if (list.branches.length + list.registered.length + end.thrown.length === 0) {
    return undefined;
  }
  return {
    to,
    secret: led.secret,
    ...led.start,
    branches: list.branches,
    ...(list.registered.length === 0 ? {} : { registered: list.registered }),
    // Those that find no room ask for themselves after the deadline, and are told the same.
    ...(end.thrown.length === 0 ? {} : { thrown: end.thrown.slice(0, LED_BRANCH_COUNT_MAX) }),
    ...(message === undefined ? {} : { message: message.slice(0, 4_000) }),
  };
}

type List = { branches: DecisionRequest['branches']; registered: NonNullable<DecisionRequest['registered']> };

async function listOf(
  { frame, branchCountMax }: Led,
  end: ScopeEnd,
  { to, coordinator }: Pick<DecisionRequest, 'to'> & Pick<GlobalTransactionsOptions, 'coordinator'>,
): Promise<List> {
  const { below, registered } = enlistedOf(end);
  if (below.length <= branchCountMax || to === 'abort') {
    return { branches: below.slice(0, LED_BRANCH_COUNT_MAX), registered };
  }
  const short = shorten(frame.scope.prefix, end);
  await register(frame, short.toRegister, coordinator);
  return { branches: [...short.below], registered: [...short.registered] };
}

function timeoutOf(
  transaction: TransactionOptions<never>,
  options: GlobalTransactionsOptions,
  { timeoutMaxMs }: KnownLog,
): number {
  const timeoutMs = durationMs(transaction.timeout ?? options.timeout ?? DEFAULT_TIMEOUT);
  const maxMs = Math.min(timeoutMaxMs, LED_TIMEOUT_MAX_MS);
  if (timeoutMs < 1 || timeoutMs > maxMs) {
    throw new MisuseError(
      `The timeout of '${transaction.name}' is ${timeoutMs} ms, and must be between 1 and ${maxMs}: the coordinator remembers no ` +
        'led transaction for longer. For what takes longer, submit a saga.',
    );
  }
  return timeoutMs;
}

function traceOf({ trace }: GlobalTransactionsOptions): Pick<LedFrame, 'traceparent' | 'baggage'> {
  const { traceparent, baggage } = trace?.() ?? currentFrame() ?? currentBranch() ?? {};
  return { traceparent, baggage };
}
