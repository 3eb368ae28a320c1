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
    const { gid, branchId, op, round } = waiting.command;
    const key = `${gid} ${branchId}`;
    const before = this.byBranch.get(key) ?? [];
    const staying = before.filter(({ command }) => {
      const isEarlier = command.op === op && command.round === round;
      const isUndone = command.op === 'action' && op !== 'action';
      return !isEarlier && !isUndone;
    });
    this.byBranch.set(key, [...staying, waiting]);
    this.size += 1 + staying.length - before.length;
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
      taken.push(...ofBranch);
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
