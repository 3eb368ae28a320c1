import type { Submission, SubmittedStep } from '@atone/protocol';
import type { Draws } from './draws.js';
import type { SimulationOptions } from './options.js';

/** A transaction that a client is going to submit. */
export interface TransactionSpec {
  /** Its name in traces, and its idempotency key. */
  readonly name: string;
  readonly atMs: number;
  readonly hasKey: boolean;
  /** How long the client waits for the outcome; 0 for one that does not care. */
  readonly waitMs: number;
  readonly submission: Submission;
}

/** Every service offers these: `book` can be undone, `ship` cannot. */
export const ACTIONS = { undoable: 'book', final: 'ship' } as const;

export function serviceName(index: number): string {
  return `service-${index}`;
}

/** Draws a plan of one to five steps: a chain, a fan or something in between, with a pivot or without. */
export function drawTransaction(index: number, options: SimulationOptions, draws: Draws): TransactionSpec {
  const name = `tx${index}`;
  const own = (what: string): string => `${name}/${what}`;
  const stepCount = draws.integer(own('steps'), 1, 5);
  const pivot = draws.chance(own('pivot'), 0.4)
    ? draws.integer(own('pivot-at'), 0, stepCount - 1)
    : stepCount;
  const isChain = draws.chance(own('chain'), 0.6);
  const steps = Array.from({ length: stepCount }, (_, position): SubmittedStep => {
    const before = Array.from({ length: position }, (_item, earlier) => `s${earlier}`);
    const free = before.filter(() => draws.chance(own('after'), 0.4));
    // What comes behind the pivot in the list comes after it in the graph as well, or it would have to be retried too.
    const bound = position > pivot ? [`s${pivot}`] : [];
    const after = isChain ? before.slice(-1) : [...new Set([...free, ...bound])];
    const isForward = position > pivot || (position < pivot && pivot < stepCount && !isChain);
    return {
      name: `s${position}`,
      service: serviceName(draws.integer(own('service'), 0, options.serviceCount - 1)),
      action: position >= pivot && draws.chance(own('final'), 0.5) ? ACTIONS.final : ACTIONS.undoable,
      input: { branch: `${name}/s${position}` },
      after,
      pivot: position === pivot,
      ...(isForward || (position !== pivot && draws.chance(own('retry-refusal'), 0.3))
        ? { onRefusal: 'retry' as const }
        : {}),
    };
  });
  return {
    name,
    atMs: draws.integer(own('at'), 0, Math.min(options.faultMs, 3_000)),
    hasKey: draws.chance(own('key'), 0.8),
    waitMs: draws.pick(own('wait'), [0, 500, 10_000]),
    submission: {
      name: 'simulated',
      input: { name },
      tags: { tx: name },
      steps,
      timeoutMs: draws.scale(own('timeout'), 300, draws.pick(own('timeout-max'), [5_000, 60_000])),
      retry: {
        attemptCountMax: draws.pick(own('attempts'), [1, 2, 3, 5, 20]),
        undoAttemptCountMax: draws.pick(own('undo-attempts'), [1, 3, 5, 20]),
        initialMs: draws.scale(own('backoff'), 10, 500),
        capMs: 2_000,
        replyTimeoutMs: options.isResending ? draws.scale(own('reply-timeout'), 50, 2_000) : 3_600_000,
      },
    },
  };
}
