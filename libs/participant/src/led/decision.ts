import { backoffMs } from '@atone/core';
import type { DecisionRequest, TransactionView } from '@atone/protocol';
import type { DecideOptions, LedClient } from '../client.led.js';
import { AtoneClientError, CoordinatorRefusedError } from '../client.errors.js';
import { sleep } from '../client.ports.js';
import { sendPast } from '../failpoints.js';
import type { LedPorts } from './led.frame.js';

/** What is known after a decision was asked for. */
export type Decided =
  | { readonly outcome: 'committed' | 'aborted' }
  /** It was refused, and nothing is decided by it. */
  | { readonly outcome: 'refused'; readonly cause: CoordinatorRefusedError }
  /** Nobody knows. */
  | { readonly outcome: 'unknown'; readonly cause: unknown };

/** A decision that has to get through. */
export interface Deciding {
  readonly gid: string;
  readonly request: DecisionRequest;
  readonly options?: DecideOptions | undefined;
}

/** For how long, after the method has thrown, the outcome is still asked for. */
const ASK_ON_MS = 15 * 60_000;
/** Full jitter: what has failed together must not come back together. */
const ASK_ON_PAUSE = {
  initialMs: 5_000,
  capMs: 60_000,
  attemptCountMax: 0,
  undoAttemptCountMax: 0,
  replyTimeoutMs: 0,
};
/** How many ask on at once; in an outage the participants find out what became of the others. */
const ASK_ON_COUNT_MAX = 500;

/** Asks for a decision and tells what is known then. Never rejects. */
export async function decide(client: Pick<LedClient, 'decide'>, deciding: Deciding): Promise<Decided> {
  const { gid, request, options } = deciding;
  try {
    const view = await sendPast('decide', () => client.decide(gid, request, options));
    return decidedBy(view, request);
  } catch (error) {
    return judge(error);
  }
}

/** Decisions whose answer was lost, and that are asked for again in the background. */
export class LateAnswers {
  #count = 0;

  constructor(
    private readonly client: Pick<LedClient, 'decide'>,
    private readonly ports: Pick<LedPorts, 'clock' | 'random'>,
  ) {}

  /** Goes on asking until the outcome is known, or long enough to leave it to the participants. Never rejects. */
  async askOn(deciding: Deciding): Promise<Decided> {
    if (this.#count >= ASK_ON_COUNT_MAX) {
      return { outcome: 'unknown', cause: new Error('Too many outcomes are being asked for already.') };
    }
    this.#count += 1;
    try {
      return await this.#untilKnown(deciding);
    } finally {
      this.#count -= 1;
    }
  }

  async #untilKnown(deciding: Deciding): Promise<Decided> {
    const { clock, random } = this.ports;
    const until = clock.now() + ASK_ON_MS;
    for (let attempt = 1; ; attempt += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one question at a time, until it is answered
      await sleep(clock, backoffMs(attempt, ASK_ON_PAUSE, random), { isBackground: true });
      // oxlint-disable-next-line no-await-in-loop -- see above
      const decided = await decide(this.client, deciding);
      if (decided.outcome !== 'unknown' || clock.now() >= until) {
        return decided;
      }
    }
  }
}

function decidedBy({ outcome }: TransactionView, { to }: DecisionRequest): Decided {
  return outcome === 'undecided' ? { outcome: to === 'commit' ? 'committed' : 'aborted' } : { outcome };
}

function judge(error: unknown): Decided {
  // In another life of the log the decision may have been written and lost; a stranger's answer tells nothing at all.
  if (!(error instanceof CoordinatorRefusedError) || error.code === 'LOG_RESTORED' || error.status === 404) {
    return { outcome: 'unknown', cause: error };
  }
  return error.code === 'ALREADY_DECIDED' && error.outcome !== undefined
    ? { outcome: error.outcome }
    : { outcome: 'refused', cause: error };
}

/** Tells whether asking again may bring an answer. */
export function mayAnswer(decided: Decided): boolean {
  const cause = causeOf(decided);
  return cause instanceof AtoneClientError && cause.retryable;
}

/** Returns what kept a decision from an answer. */
export function causeOf(decided: Decided): unknown {
  return 'cause' in decided ? decided.cause : undefined;
}
