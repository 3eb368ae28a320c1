import type { Clock, Timer } from '@atone/engine';
import { isSameAttempt, type BranchCommand, type ReplyEnvelope } from '@atone/protocol';
import type { Waiting } from './command.queue.js';

/** A command that is in a topic. */
export interface Asked {
  readonly command: BranchCommand;
  readonly topic: string;
}

interface Entry extends Asked {
  readonly tellAt: number;
}

/** So long before it is given up an attempt is told to be unanswered: past that the engine says the same without a reason. */
const TELL_BEFORE_MS = 100;

/** All are looked through each time, so not for each that is due. */
const LOOK_EVERY_MS = 20;

/** The attempts that have left and are not answered, until nearly nobody waits for them any more. */
export class Unanswered {
  /** By gid, whose text is there already: almost always one. */
  private readonly entries = new Map<string, Entry[]>();
  private alarm: { readonly at: number; readonly timer: Timer } | undefined;
  private onDrained: (() => void) | undefined;

  /** `onSilent` is told each attempt whose time is over without an answer. */
  constructor(
    private readonly clock: Clock,
    private readonly onSilent: (asked: Asked) => void,
  ) {}

  add({ command, leaveBy, giveUpAt }: Waiting, topic: string): void {
    const tellAt = Math.max(giveUpAt - TELL_BEFORE_MS, (leaveBy + giveUpAt) / 2);
    const entry = { command, topic, tellAt };
    const others = this.entries.get(command.gid);
    if (others === undefined) {
      this.entries.set(command.gid, [entry]);
    } else {
      others.push(entry);
    }
    this.watch(tellAt);
  }

  remove(attempt: Pick<ReplyEnvelope, 'gid' | 'branchId' | 'op' | 'round' | 'attempt'>): void {
    const entries = this.entries.get(attempt.gid);
    if (entries !== undefined) {
      const left = entries.filter(({ command }) => !isSameAttempt(command, attempt));
      this.keep(attempt.gid, left);
    }
    this.look();
  }

  /** Resolves when each is answered or given up. */
  async drained(): Promise<void> {
    const isOver = new Promise<void>((resolve) => {
      this.onDrained = resolve;
    });
    this.look();
    await isOver;
  }

  /** Forgets all, and tells nothing any more. */
  end(): void {
    this.entries.clear();
    this.alarm?.timer.cancel();
    this.alarm = undefined;
  }

  /** One alarm for all: most are answered long before it, and it then looks again. */
  private watch(at: number): void {
    if (this.alarm !== undefined && this.alarm.at <= at) {
      return;
    }
    this.alarm?.timer.cancel();
    const delayMs = Math.max(LOOK_EVERY_MS, at - this.clock.now());
    this.alarm = { at, timer: this.clock.setTimer(delayMs, () => this.tellSilent()) };
  }

  private tellSilent(): void {
    this.alarm = undefined;
    const nowMs = this.clock.now();
    let next = Infinity;
    for (const [gid, entries] of this.entries) {
      const [silent, others] = apart(entries, nowMs);
      if (silent.length > 0) {
        this.keep(gid, others);
        silent.forEach((entry) => this.onSilent(entry));
      }
      next = others.reduce((earliest, { tellAt }) => Math.min(earliest, tellAt), next);
    }
    if (next < Infinity) {
      this.watch(next);
    }
    this.look();
  }

  private keep(gid: string, entries: Entry[]): void {
    if (entries.length === 0) {
      this.entries.delete(gid);
    } else {
      this.entries.set(gid, entries);
    }
  }

  private look(): void {
    if (this.entries.size === 0) {
      this.onDrained?.();
    }
  }
}

/** Returns those of which nobody waits for the answer any more, and the others. */
function apart(entries: readonly Entry[], nowMs: number): readonly [readonly Entry[], Entry[]] {
  return [entries.filter(({ tellAt }) => tellAt <= nowMs), entries.filter(({ tellAt }) => tellAt > nowMs)];
}
