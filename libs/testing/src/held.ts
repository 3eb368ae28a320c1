import type { BranchCommand } from '@atone/protocol';

interface HeldMessage {
  readonly isDue: (answered: BranchCommand) => boolean;
  readonly deliver: () => void;
}

/** Messages that come later than those which were sent after them. */
export class Held {
  private messages: HeldMessage[] = [];
  private readonly blocked = new Set<string>();

  /** Holds a message until another command of its transaction has been answered. */
  untilAnother({ gid, branchId, op }: BranchCommand, deliver: () => void): void {
    const isDue = (other: BranchCommand): boolean =>
      other.gid === gid && (other.branchId !== branchId || other.op !== op);
    this.messages.push({ isDue, deliver });
  }

  /** Holds an action until its undo has been answered. */
  untilUndone({ gid, branchId }: BranchCommand, deliver: () => void): void {
    const isDue = (other: BranchCommand): boolean =>
      other.gid === gid && other.branchId === branchId && other.op === 'compensate';
    this.messages.push({ isDue, deliver });
  }

  /** Keeps all repeats of a call from coming through. */
  block({ gid, branchId }: BranchCommand): void {
    this.blocked.add(`${gid} ${branchId}`);
  }

  isBlocked({ gid, branchId }: BranchCommand): boolean {
    return this.blocked.has(`${gid} ${branchId}`);
  }

  /** Delivers when nothing else comes any more. */
  untilQuiet(deliver: () => void): void {
    this.messages.push({ isDue: () => false, deliver });
  }

  /** Delivers what had to wait for the answer to `command`. */
  answered(command: BranchCommand): void {
    this.release(({ isDue }) => isDue(command));
  }

  /** Tells whether there was anything to deliver. */
  releaseAll(): boolean {
    return this.release(() => true);
  }

  private release(isDue: (message: HeldMessage) => boolean): boolean {
    const due = this.messages.filter(isDue);
    this.messages = this.messages.filter((message) => !due.includes(message));
    for (const { deliver } of due) {
      deliver();
    }
    return due.length > 0;
  }
}
