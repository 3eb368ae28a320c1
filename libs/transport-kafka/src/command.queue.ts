import type { BranchCommand } from '@atone/protocol';

/** A command that waits to be sent. */
export interface Waiting {
  readonly command: BranchCommand;
  /** From here on it must not leave any more. */
  readonly leaveBy: number;
  /** From here on nobody waits for its reply. */
  readonly giveUpAt: number;
}

/**
 * Commands that wait, those of one branch in the order of their coming.
 *
 * A command that is asked again while it still waits takes the place of its earlier attempt: whoever waits for that one has
 * given it up. An undo, or the end of a round, takes the branch's waiting action away: there is nothing to undo yet.
 */
export class CommandQueue {
  /** No command here has to leave before it. May be too early, never too late. */
  leaveByMin = Infinity;
  size = 0;
  private readonly byBranch = new Map<string, readonly Waiting[]>();

  add(waiting: Waiting): void {
    const { gid, branchId } = waiting.command;
    const key = `${gid} ${branchId}`;
    const before = this.byBranch.get(key);
    const staying = before?.filter(({ command }) => !replaces(waiting.command, command)) ?? [];
    staying.push(waiting);
    this.byBranch.set(key, staying);
    this.size += staying.length - (before?.length ?? 0);
    this.leaveByMin = Math.min(this.leaveByMin, waiting.leaveBy);
  }

  /** Takes out those that came first, `countMax` or a few more: what belongs to one branch stays together. */
  take(countMax: number): readonly Waiting[] {
    const taken: Waiting[] = [];
    for (const [key, ofBranch] of this.byBranch) {
      if (taken.length >= countMax) {
        break;
      }
      this.byBranch.delete(key);
      for (const waiting of ofBranch) {
        taken.push(waiting);
      }
    }
    this.size -= taken.length;
    return taken;
  }

  /** Takes out what must not leave any more. Looks at everything that waits, so not to be called for each command. */
  takeLate(nowMs: number): readonly Waiting[] {
    const all = this.take(Infinity);
    const late = all.filter(({ leaveBy }) => leaveBy <= nowMs);
    this.leaveByMin = Infinity;
    all.filter(({ leaveBy }) => leaveBy > nowMs).forEach((waiting) => this.add(waiting));
    return late;
  }
}

/** Tells whether `waiting`, of the same branch, is asked in vain once this is asked. */
function replaces({ op, round }: BranchCommand, waiting: BranchCommand): boolean {
  const isEarlier = waiting.op === op && waiting.round === round;
  return isEarlier || (waiting.op === 'action' && op !== 'action');
}
