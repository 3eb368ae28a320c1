import { Violation } from './violation.js';

/** A piece of code that makes calls: the method that leads, a nested part of it, or one run of a branch. */
export interface LedPart {
  /** Of a run, what its effect bears. */
  readonly id: string;
  readonly gid: string;
  /** What it is a part of; absent for the method that leads, and for a run, which is what its callers make of it. */
  readonly within?: LedPart | undefined;
  readonly kind: 'root' | 'nested' | 'run';
  state: 'open' | 'returned' | 'threw';
}

/** How a transaction ended, as its initiator was told. */
export type Told = 'committed' | 'aborted' | 'undecided' | 'unknown';

interface Lead {
  readonly name: string;
  /** Everything that was told, in order: by the end of the method, and by its callbacks. */
  readonly told: Told[];
  secretHash?: string | undefined;
}

/**
 * What the code that leads transactions, and the code that it calls, saw of them: which calls returned to whom. It knows
 * nothing of branch ids and lists, so it can tell whether these are right.
 */
export class LedStory {
  private readonly leads = new Map<string, Lead>();
  /** To whom an effect was returned. */
  private readonly takers = new Map<string, LedPart>();
  private readonly runCounts = new Map<string, number>();

  constructor(private readonly report: (violation: Violation) => void) {}

  get gids(): readonly string[] {
    return [...this.leads.keys()];
  }

  has(gid: string): boolean {
    return this.leads.has(gid);
  }

  begin(gid: string, name: string): LedPart {
    this.leads.set(gid, { name, told: [] });
    return { id: name, gid, kind: 'root', state: 'open' };
  }

  nest(within: LedPart): LedPart {
    return { id: `${within.id}+`, gid: within.gid, within, kind: 'nested', state: 'open' };
  }

  /** A run of a branch begins. Whether it ever takes effect is not known yet. */
  run(gid: string, name: string): LedPart {
    const count = (this.runCounts.get(`${gid} ${name}`) ?? 0) + 1;
    this.runCounts.set(`${gid} ${name}`, count);
    return { id: `${name}#${count}`, gid, kind: 'run', state: 'open' };
  }

  /** A call returned, with the effect of the run that it was answered by. */
  returned(part: LedPart, effect: string): void {
    const key = `${part.gid} ${effect}`;
    const taker = this.takers.get(key);
    if (taker !== undefined) {
      this.broken(
        'S3',
        part.gid,
        `${effect} belongs to ${taker.id} and to ${part.id}: two runs share a branch`,
      );
    }
    this.takers.set(key, part);
  }

  /** Whether the call that an effect answers, and every call above it, returned normally. */
  isKept(gid: string, effect: string): boolean {
    const part = this.takers.get(`${gid} ${effect}`);
    return part !== undefined && this.isPartKept(part);
  }

  /** Returns the effects that somebody was told of, and that nobody has thrown away since. */
  keptEffects(gid: string): readonly string[] {
    return [...this.takers.keys()]
      .filter((key) => key.startsWith(`${gid} `))
      .map((key) => key.slice(gid.length + 1))
      .filter((effect) => this.isKept(gid, effect));
  }

  /** Notes which secret a transaction really has. */
  secret(gid: string, secretHash: string): void {
    const lead = this.leads.get(gid);
    if (lead !== undefined) {
      lead.secretHash ??= secretHash;
    }
  }

  secretOf(gid: string): string | undefined {
    return this.leads.get(gid)?.secretHash;
  }

  /** Whether a secret is that of another transaction. */
  isOfAnother(gid: string, secretHash: string): boolean {
    return [...this.leads].some(([other, lead]) => other !== gid && lead.secretHash === secretHash);
  }

  told(gid: string, told: Told): void {
    this.leads.get(gid)?.told.push(told);
  }

  toldOf(gid: string): readonly Told[] {
    return this.leads.get(gid)?.told ?? [];
  }

  private isPartKept(part: LedPart): boolean {
    switch (part.kind) {
      case 'root':
        return true;
      case 'nested':
        return part.state === 'returned' && part.within !== undefined && this.isPartKept(part.within);
      case 'run':
        return this.isKept(part.gid, part.id);
    }
  }

  private broken(promise: 'S3', gid: string, what: string): void {
    this.report(new Violation(promise, this.leads.get(gid)?.name, what));
  }
}
