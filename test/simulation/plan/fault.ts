/** What can go wrong at a place that a run passes, and how often it does where a seed has it switched on. */
export const POINT_FAULTS = {
  /** A coordinator dies at a failpoint. */
  'coordinator-crash': 0.01,
  /** A coordinator stands still at a failpoint, for longer than its lease or not. */
  'coordinator-pause': 0.01,
  'participant-crash': 0.02,
  'participant-pause': 0.02,
  /** A request to the log fails before it is carried out. */
  'log-lost': 0.03,
  /** A request to the log is carried out, and its answer is lost. */
  'log-unanswered': 0.03,
  /** The answer that names rows which were taken over is lost. */
  'claim-unanswered': 0.15,
  /** A request to the log fails, and is carried out all the same, seconds later. */
  'log-late': 0.02,
  'log-slow': 0.05,
  /** The connection to a participant's database breaks before a statement, which rolls all back. */
  'database-lost': 0.02,
  /** A participant's commit is carried out, and its answer is lost. */
  'database-unanswered': 0.03,
  'database-slow': 0.05,
  'command-lost': 0.06,
  'command-repeated': 0.08,
  /** A command takes long; others overtake it. */
  'command-late': 0.06,
  'reply-lost': 0.06,
  'reply-repeated': 0.06,
  'reply-late': 0.06,
  /** A participant's code says no. */
  refusal: 0.2,
  /** A participant's code throws. */
  error: 0.1,
  /** A participant's code has a bug until the faults end. */
  defect: 0.02,
  /** A plain endpoint says that it is still at it. */
  'not-yet': 0.2,
  'slow-code': 0.15,
  'client-request-lost': 0.1,
  'client-answer-lost': 0.1,
  /** Who leads a transaction dies where it sends or hears something. */
  'initiator-crash': 0.02,
  /** Who leads a transaction stands still there, past its deadline or not. */
  'initiator-pause': 0.03,
  'commit-answer-lost': 0.15,
  'notice-lost': 0.3,
  /** A message is held back until the night is over, or comes again then. */
  overnight: 0.15,
  /** The code of a confirm says no. */
  'confirm-refusal': 0.03,
  /** Somebody asks about a transaction with a secret that is none of it. */
  'forged-doubt': 0.1,
  /** Somebody who is not the initiator commits. */
  'stranger-commit': 0.1,
  /** The initiator's own commit comes again, with another list. */
  'confused-commit': 0.2,
  /** A request to the brokers fails, and nothing of it is stored. */
  'produce-lost': 0.04,
  /** The records are stored, and nobody learns of it. */
  'produce-unanswered': 0.03,
  'produce-slow': 0.05,
  /** The brokers lose a record that they have acknowledged. */
  'record-lost': 0.05,
  /** A record is stored twice. */
  'record-twice': 0.06,
  /** Records lie at their reader for long before it deals with them. */
  'records-late': 0.05,
  'offset-lost': 0.1,
  'offset-late': 0.05,
  /** A member of a group hears of a rebalance long after the others. */
  'rebalance-late': 0.2,
} as const;

export type PointFaultKind = keyof typeof POINT_FAULTS;

/** What can only go wrong about a led transaction. */
export const LED_FAULTS: readonly PointFaultKind[] = [
  'initiator-crash',
  'initiator-pause',
  'commit-answer-lost',
  'notice-lost',
  'overnight',
  'confirm-refusal',
  'forged-doubt',
  'stranger-commit',
  'confused-commit',
];

/** What can only go wrong where messages go over Kafka. */
export const KAFKA_POINT_FAULTS = [
  'produce-lost',
  'produce-unanswered',
  'produce-slow',
  'record-lost',
  'record-twice',
  'records-late',
  'offset-lost',
  'offset-late',
  'rebalance-late',
] as const satisfies readonly PointFaultKind[];

/** What befalls the brokers at a time, and whoever reads there. */
export const KAFKA_TIMED_FAULTS = [
  /** The partitions of a group go to other members, while the former are still at it. */
  'rebalance',
  'brokers-away',
  /** A process does not reach the brokers, and is put out of its groups if that lasts. */
  'cut-kafka',
  /** A group reads all of its topic again. */
  'offsets-earliest',
  /** A group reads nothing of what waits. */
  'offsets-latest',
  'topic-truncated',
  /** Somebody writes what nobody can read. */
  'poison',
] as const;

/** What goes wrong at a time, whatever the run is doing. */
export const TIMED_FAULTS = [
  'kill-coordinator',
  'pause-coordinator',
  'stop-coordinator',
  'kill-participant',
  'pause-participant',
  'participant-down',
  /** A service is deployed anew without one of its actions, and with it again after a while. */
  'action-gone',
  'cut-command',
  'cut-reply',
  'cut-log-request',
  'cut-log-answer',
  'clock-jump',
  'log-clock-jump',
  'operator',
  /** Everything stands still for longer than the log remembers. */
  'night',
  /** The log fails over to a copy that lacks the last commits: it is in another life from now on. */
  'failover',
  ...KAFKA_TIMED_FAULTS,
] as const;

type TimedFaultKind = (typeof TIMED_FAULTS)[number];

export type FaultKind = PointFaultKind | TimedFaultKind;

export const FAULT_KINDS: readonly FaultKind[] = [
  ...(Object.keys(POINT_FAULTS) as PointFaultKind[]),
  ...TIMED_FAULTS,
];

export const KAFKA_FAULTS: readonly FaultKind[] = [...KAFKA_POINT_FAULTS, ...KAFKA_TIMED_FAULTS];

/** A fault at the n-th time that a run passes a place. */
export interface PointFault {
  readonly kind: PointFaultKind;
  readonly point: string;
  /** Counts from 0. */
  readonly occurrence: number;
  /** For how long, or whatever else the kind needs a number for. */
  readonly amount: number;
}

/** A fault at a time. */
export interface TimedFault {
  readonly kind: TimedFaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Chooses among those whom it may hit, from 0 to below 1. */
  readonly choice: number;
  readonly otherChoice: number;
}
