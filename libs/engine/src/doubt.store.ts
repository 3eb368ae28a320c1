import type { AskedDoubt, Referral } from './branch.doubt.js';

/** Which effect a doubt is about. */
type EffectName = Pick<AskedDoubt, 'branchId' | 'service' | 'nonce'>;

/** What is kept of the doubts about one transaction. */
interface Doubted<About> {
  readonly about: About;
  readonly effects: Map<string, AskedDoubt>;
}

/** The most effects in doubt that are kept of all transactions. */
const COUNT_MAX = 200_000;

/** The most that are kept of one transaction: as many as its row may hold branches. */
const TRANSACTION_COUNT_MAX = 5_000;

/**
 * The doubts about transactions, with what else is known of each of these. It is bounded: the transaction that nobody has asked about
 * for the longest time loses its doubts first, and within it the effect that has not asked for the longest time.
 */
export class DoubtStore<About> {
  private readonly doubted = new Map<string, Doubted<About>>();
  private count = 0;

  constructor(
    private readonly countMax = COUNT_MAX,
    private readonly transactionCountMax = TRANSACTION_COUNT_MAX,
  ) {}

  get size(): number {
    return this.count;
  }

  /** Keeps a doubt, and `about` instead of what was known of its transaction. */
  keep(gid: string, about: About, doubt: AskedDoubt): void {
    const { effects } = this.doubted.get(gid) ?? { effects: new Map<string, AskedDoubt>() };
    const key = keyOf(doubt);
    this.count += effects.delete(key) ? 0 : 1;
    // Behind all others: who has not asked for the longest time is in front.
    effects.set(key, doubt);
    this.doubted.delete(gid);
    this.doubted.set(gid, { about, effects });
    if (effects.size > this.transactionCountMax) {
      this.dropFirst(gid);
    }
    if (this.count > this.countMax) {
      this.dropFirst(this.oldest());
    }
  }

  /** Says whether an effect is left to people, and why. */
  refer(gid: string, effect: EffectName, referral: Referral | undefined): void {
    const effects = this.doubted.get(gid)?.effects;
    const doubt = effects?.get(keyOf(effect));
    if (doubt !== undefined) {
      effects?.set(keyOf(effect), { ...doubt, referral });
    }
  }

  /** Forgets all that was asked under the id of a branch. */
  endBranch(gid: string, branchId: string): void {
    for (const doubt of this.of(gid)) {
      if (doubt.branchId === branchId) {
        this.end(gid, doubt);
      }
    }
  }

  end(gid: string, effect: EffectName): void {
    const effects = this.doubted.get(gid)?.effects;
    if (effects?.delete(keyOf(effect)) === true) {
      this.count -= 1;
      if (effects.size === 0) {
        this.doubted.delete(gid);
      }
    }
  }

  /** Returns the doubts about a transaction. */
  of(gid: string): readonly AskedDoubt[] {
    return [...(this.doubted.get(gid)?.effects.values() ?? [])];
  }

  doubtOf(gid: string, effect: EffectName): AskedDoubt | undefined {
    return this.doubted.get(gid)?.effects.get(keyOf(effect));
  }

  some(gid: string, isWanted: (doubt: AskedDoubt) => boolean): boolean {
    for (const doubt of this.doubted.get(gid)?.effects.values() ?? []) {
      if (isWanted(doubt)) {
        return true;
      }
    }
    return false;
  }

  about(gid: string): About | undefined {
    return this.doubted.get(gid)?.about;
  }

  gids(): Iterable<string> {
    return this.doubted.keys();
  }

  /** Forgets the doubts for which `isOver` says so. */
  sweep(isOver: (doubt: AskedDoubt) => boolean): void {
    for (const gid of this.doubted.keys()) {
      for (const doubt of this.of(gid).filter(isOver)) {
        this.end(gid, doubt);
      }
    }
  }

  /** Forgets all about the transactions that nobody has asked about for the longest time, until `countMax` are left. */
  dropDownTo(countMax: number): void {
    while (this.doubted.size > countMax) {
      const gid = this.oldest();
      for (const doubt of this.of(gid)) {
        this.end(gid, doubt);
      }
    }
  }

  private oldest(): string {
    const [gid = ''] = this.doubted.keys();
    return gid;
  }

  private dropFirst(gid: string): void {
    const effects = this.doubted.get(gid)?.effects;
    for (const doubt of effects?.values() ?? []) {
      this.end(gid, doubt);
      return;
    }
  }
}

/** No name and no nonce has a slash. */
function keyOf({ branchId, service, nonce }: EffectName): string {
  return `${branchId}/${service}/${nonce}`;
}
