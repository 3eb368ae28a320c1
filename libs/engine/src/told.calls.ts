import type { Notice } from '@atone/protocol';

/** What the initiator of a led transaction has told of its calls. */
export type ToldCalls = Pick<Notice, 'branches' | 'branchCount' | 'calls'>;

/** The most branches and calls that are kept of all transactions. */
const COUNT_MAX = 100_000;

/** What initiators told last of the calls of their transactions. It is bounded: what was told of first goes first. */
export class ToldCallsStore {
  private readonly told = new Map<string, ToldCalls>();
  private count = 0;

  constructor(private readonly countMax = COUNT_MAX) {}

  /** Keeps `calls` of a transaction instead of what was told before. */
  keep(gid: string, { branches = [], branchCount, calls = [] }: ToldCalls): void {
    this.forget(gid);
    const kept = { branches, branchCount, calls };
    if (sizeOf(kept) === 0) {
      return;
    }
    this.told.set(gid, kept);
    this.count += sizeOf(kept);
    for (const oldest of this.told.keys()) {
      if (this.count <= this.countMax) {
        return;
      }
      this.forget(oldest);
    }
  }

  forget(gid: string): void {
    const known = this.told.get(gid);
    if (known !== undefined) {
      this.told.delete(gid);
      this.count -= sizeOf(known);
    }
  }

  of(gid: string): ToldCalls {
    return this.told.get(gid) ?? {};
  }
}

function sizeOf({ branches = [], calls = [] }: ToldCalls): number {
  return branches.length + calls.length;
}
