import { AtoneClientError, CoordinatorRefusedError, type AtoneClient } from '@atone/participant';
import type { Ended, Work, WorkResult } from './example.js';
import { NotNowError } from './not-now.error.js';

export interface FeederPorts {
  /** Returns whom to ask the next time: another coordinator, where there are several and one may be away. */
  nextClient(): AtoneClient;
  now(): number;
  sleep(delayMs: number): Promise<void>;
}

export interface FeedOptions {
  /** How many are under way at once. */
  readonly concurrency: number;
  /** No more is submitted once it is aborted; what is under way goes on without us. */
  readonly signal: AbortSignal;
  onEnded(ended: Ended): void;
}

/** Between two tries to reach somebody who is away. */
const PAUSE_MS = 1_000;

/**
 * Submits all `works`, in their order, and resolves when each has ended or is stuck. Whoever is down meanwhile is waited
 * for: the keys make it safe to submit again.
 *
 * @throws AtoneClientError when the coordinator refuses one.
 */
export async function feed(works: readonly Work[], options: FeedOptions, ports: FeederPorts): Promise<void> {
  const queue = works.values();
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const worker = async () => {
    for (const work of queue) {
      // oxlint-disable-next-line no-await-in-loop -- that is what bounds the concurrency
      const ended = await finish(work, signal, ports);
      if (ended === undefined) {
        return;
      }
      options.onEnded(ended);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(options.concurrency, works.length) }, worker));
  } finally {
    failed.abort();
  }
}

async function finish(work: Work, signal: AbortSignal, ports: FeederPorts): Promise<Ended | undefined> {
  const startedAt = ports.now();
  while (!signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- one try after the other
    const result = await submitOnce(work, ports);
    if (result !== undefined) {
      return { key: work.key, result, latencyMs: ports.now() - startedAt };
    }
  }
  return undefined;
}

async function submitOnce(work: Work, ports: FeederPorts): Promise<WorkResult | undefined> {
  try {
    return await work.submit(ports.nextClient());
  } catch (error) {
    if (!mayPass(error)) {
      throw error;
    }
    await ports.sleep(PAUSE_MS);
    return undefined;
  }
}

/** A service that was away for long is in no catalogue until it is back. */
function mayPass(error: unknown): boolean {
  return (
    error instanceof NotNowError ||
    (error instanceof AtoneClientError && error.retryable) ||
    (error instanceof CoordinatorRefusedError && error.code === 'UNKNOWN_ACTION')
  );
}
