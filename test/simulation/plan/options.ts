import { Draws } from './draws.js';
import {
  FAULT_KINDS,
  KAFKA_FAULTS,
  KAFKA_POINT_FAULTS,
  LED_FAULTS,
  POINT_FAULTS,
  type FaultKind,
  type PointFaultKind,
} from './fault.js';

/** What a seed decides before anything happens. All times in ms. */
export interface SimulationOptions {
  readonly coordinatorCount: number;
  readonly serviceCount: number;
  /** How many instances each service has; they share its database. */
  readonly instanceCount: number;
  /** How many of the services are plain endpoints without the library. */
  readonly plainCount: number;
  /** How many transactions go by a plan. */
  readonly transactionCount: number;
  /** How many are led by code. */
  readonly ledCount: number;
  readonly faultMs: number;
  readonly leaseMs: number;
  readonly recoverEveryMs: number;
  readonly claimCountMax: number;
  readonly activeCountMax: number;
  readonly endLagMs: number;
  /** Kinds that may strike in this run; half of them, as a rule. */
  readonly kinds: readonly FaultKind[];
  /** Multiplies how often they do. */
  readonly rate: number;
  /** Strikes far more often than the others; what needs two faults of a kind at once shows by it. */
  readonly weakSpot?: PointFaultKind | undefined;
  /** Without it a message arrives in the order it was sent, which hides other things. */
  readonly isReordering: boolean;
  /**
   * Whether a lost message is asked for again. Without it a coordinator waits for its replies for ever, and nothing
   * that loses messages may strike; what a repeat would have covered up then shows.
   */
  readonly isResending: boolean;
  /** Whether a request whose answer is late is given up by the transport, or by the engine alone. */
  readonly isTransportPatient: boolean;
  /** Whether there are rows in the log that this version cannot drive. */
  readonly hasStrangeRows: boolean;
  /** How often own rows without a driver are looked for; in some runs never, unless something points at one. */
  readonly orphanEveryMs: number;
  /** How long barrier rows are kept after the end of their transaction; absent: they are not removed. */
  readonly keepRowsMs?: number | undefined;
  /** How often a participant looks for branches in doubt, and about how many it asks at once. */
  readonly sweepEveryMs: number;
  readonly sweepBatch: number;
  /** A longer list of branches is registered, and not answered. */
  readonly replyBytesMax: number;
  /**
   * Which services with the library take their commands over Kafka: all of them and nothing else, or some of them, beside HTTP or
   * instead of it. Absent: none does.
   */
  readonly kafka?: 'alone' | 'mixed' | undefined;
  /** How many partitions each topic has; that of the replies at least one for each coordinator. */
  readonly partitionCount?: number | undefined;
  /** For how long nothing is heard of a member before its group puts it out. */
  readonly sessionMs?: number | undefined;
  /** How long those behind a command wait for it. */
  readonly slowAfterMs?: number | undefined;
}

/** Options as one would choose them to show a single thing: what a plan has beyond them is part of its story. */
export const PLAIN_OPTIONS = {
  coordinatorCount: 1,
  instanceCount: 1,
  plainCount: 0,
  leaseMs: 6_000,
  recoverEveryMs: 1_000,
  claimCountMax: 200,
  activeCountMax: 100,
  endLagMs: 150,
  rate: 1,
  isReordering: false,
  isResending: true,
  isTransportPatient: false,
  hasStrangeRows: false,
  orphanEveryMs: 60_000,
  keepRowsMs: undefined,
  sweepEveryMs: 1_000,
  sweepBatch: 200,
  replyBytesMax: 16_384,
  kafka: undefined,
  partitionCount: 1,
  sessionMs: 1_000,
  slowAfterMs: 10_000,
} as const satisfies Partial<SimulationOptions>;

/** Those that can be the weak spot of any run. */
const POINT_KINDS = (Object.keys(POINT_FAULTS) as PointFaultKind[]).filter(
  (kind) => !LED_FAULTS.includes(kind) && !KAFKA_FAULTS.includes(kind),
);

/** A third of the runs has led transactions, and a half of these has nothing else. */
const LED_SHARE = 0.35;
const LED_ALONE_SHARE = 0.5;

/** In a third of the runs participants are reached over Kafka. */
const KAFKA_SHARE = 0.35;

/** Of runs in which code leads transactions, those with what leaves all that is under way to people. */
const RARE_SHARE = 0.2;

/** So rare a look for orphans is none. */
export const NEVER_MS = 86_400_000;

/** What of Kafka loses nothing: it comes late, or again. */
const KAFKA_HARMLESS: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'produce-slow',
  'record-twice',
  'records-late',
  'offset-lost',
  'offset-late',
  'rebalance-late',
  'rebalance',
  'offsets-earliest',
  'poison',
]);

/** Without a repeat these would leave a saga waiting for ever, and rightly so. */
const NEEDS_RESENDING: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'command-lost',
  'reply-lost',
  'participant-crash',
  'kill-participant',
  'participant-down',
  'action-gone',
  'cut-command',
  'cut-reply',
  'night',
  'overnight',
  ...KAFKA_FAULTS.filter((kind) => !KAFKA_HARMLESS.has(kind)),
]);

/** What is settled before a seed draws the rest. */
export interface SimulationMode {
  /** Kinds that may strike in each run. */
  readonly kinds?: readonly FaultKind[];
  readonly options?: Partial<Omit<SimulationOptions, 'kinds'>>;
}

/** Returns what a seed has in store. */
export function drawOptions(seed: number, mode: SimulationMode = {}): SimulationOptions {
  const drawn = drawFreely(seed, mode.options?.kafka);
  const given = mode.kinds ?? [];
  const kinds = FAULT_KINDS.filter((kind) => given.includes(kind) || drawn.kinds.includes(kind));
  // Barrier rows must outlast what the log can have lost: then they alone know what was done.
  const keepRowsMs = kinds.includes('failover') ? undefined : drawn.keepRowsMs;
  return { ...drawn, keepRowsMs, ...mode.options, kinds };
}

function drawFreely(seed: number, givenKafka: SimulationOptions['kafka']): SimulationOptions {
  const draws = new Draws(seed);
  const drawnKafka = draws.chance('options/kafka', KAFKA_SHARE)
    ? draws.pick('options/kafka-ways', ['alone', 'alone', 'mixed'] as const)
    : undefined;
  const kafka = givenKafka ?? drawnKafka;
  const isResending = !draws.chance('options/no-resend', 0.15);
  const serviceCount = draws.integer('options/services', 1, 4);
  const isLed = draws.chance('options/led', LED_SHARE);
  const isLedAlone = isLed && draws.chance('options/led-alone', LED_ALONE_SHARE);
  const kinds = FAULT_KINDS.filter(
    (kind) =>
      draws.chance(`options/${kind}`, kind === 'night' || kind === 'failover' ? RARE_SHARE : 0.5) &&
      (isResending || !NEEDS_RESENDING.has(kind)) &&
      (kafka !== undefined || !KAFKA_FAULTS.includes(kind)),
  );
  const coordinatorCount = draws.pick('options/coordinators', [1, 2, 2, 2, 3]);
  return {
    // What comes to a coordinator that does not drive its transaction may be dropped, and is asked for again.
    coordinatorCount: kafka !== undefined && !isResending ? 1 : coordinatorCount,
    serviceCount,
    instanceCount: draws.pick('options/instances', [1, 1, 2]),
    // Without a barrier nobody can ask again at once, so a takeover waits for the reply that went to another.
    plainCount:
      isResending && draws.chance('options/plain', 0.2)
        ? draws.integer('options/plain-count', 1, serviceCount)
        : 0,
    transactionCount: isLedAlone ? 0 : draws.integer('options/transactions', 1, 6),
    ledCount: isLed ? draws.integer('options/led-count', 1, 3) : 0,
    faultMs: draws.scale('options/fault-time', 1_000, 15_000),
    leaseMs: draws.pick('options/lease', [300, 1_000, 1_000, 3_000, 6_000]),
    recoverEveryMs: draws.pick('options/recover', [50, 200, 1_000]),
    claimCountMax: draws.pick('options/claims', [1, 3, 200]),
    activeCountMax: draws.pick('options/active', [2, 100, 100, 100]),
    endLagMs: draws.pick('options/end-lag', [1, 150, 150, 1_000]),
    kinds,
    weakSpot: drawWeakSpot(draws, { isLed, isOverKafka: kafka !== undefined }),
    rate: draws.pick('options/rate', [0.3, 1, 1, 2]),
    isReordering: draws.chance('options/reorder', 0.8),
    isResending,
    isTransportPatient: draws.chance('options/patient', 0.5),
    hasStrangeRows: draws.chance('options/strange', 0.1),
    orphanEveryMs: draws.pick('options/orphans', [60_000, NEVER_MS]),
    keepRowsMs: draws.chance('options/keep', 0.4) ? draws.scale('options/keep-rows', 1, 5_000) : undefined,
    sweepEveryMs: draws.scale('options/sweep', 100, 5_000),
    sweepBatch: draws.pick('options/sweep-batch', [1, 2, 200]),
    replyBytesMax: draws.pick('options/reply-bytes', [16_384, 16_384, 100]),
    ...(kafka === undefined ? {} : { kafka, ...drawKafka(draws) }),
  };
}

function drawKafka(draws: Draws): Pick<SimulationOptions, 'partitionCount' | 'sessionMs' | 'slowAfterMs'> {
  return {
    partitionCount: draws.pick('options/partitions', [1, 2, 4]),
    sessionMs: draws.pick('options/session', [100, 500, 3_000]),
    slowAfterMs: draws.pick('options/slow-after', [100, 1_000, 10_000]),
  };
}

function drawWeakSpot(
  draws: Draws,
  { isLed, isOverKafka }: { readonly isLed: boolean; readonly isOverKafka: boolean },
): PointFaultKind | undefined {
  if (isOverKafka && draws.chance('options/kafka-weak', 0.3)) {
    return draws.pick('options/kafka-weak-spot', KAFKA_POINT_FAULTS);
  }
  if (isLed && draws.chance('options/led-weak', 0.3)) {
    return draws.pick('options/led-weak-spot', LED_FAULTS);
  }
  return draws.chance('options/weak', 0.3) ? draws.pick('options/weak-spot', POINT_KINDS) : undefined;
}
