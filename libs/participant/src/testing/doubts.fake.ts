import type { Doubt, Verdict } from '@atone/protocol';
import type { TransactionDoubts } from '../doubts.port.js';

type Word = Omit<Verdict, 'gid' | 'branchId'>;

/** A coordinator that says what a test tells it, and "wait" for an hour of what it was told nothing. */
export class FakeDoubts implements TransactionDoubts {
  /** What it was asked, question by question. */
  readonly asked: (readonly Doubt[])[] = [];
  isAway = false;
  private readonly words = new Map<string, Word>();

  say(gid: string, verdict: Word['verdict'], more: Omit<Word, 'verdict'> = {}): void {
    this.words.set(gid, { verdict, ...more });
  }

  /** Returns each question about a transaction. */
  askedAbout(gid: string): readonly Doubt[] {
    return this.asked.flat().filter((doubt) => doubt.gid === gid);
  }

  async ask(doubts: readonly Doubt[]): Promise<readonly Verdict[]> {
    this.asked.push(doubts);
    if (this.isAway) {
      throw new Error('connect ECONNREFUSED');
    }
    return doubts.map(({ gid, branchId }) => {
      const word = this.words.get(gid) ?? { verdict: 'wait', waitMs: 3_600_000 };
      return { gid, branchId, ...word };
    });
  }
}
