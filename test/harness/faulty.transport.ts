import type { BranchTransport, ReplySink } from '@atone/engine';
import { attemptKey, type BranchCommand, type ReplyEnvelope } from '@atone/protocol';
import { until } from './until.js';

/**
 * What becomes of a command: never sent; carried out, but nobody hears of it; so garbled that it makes no sense; sent only
 * when the promise settles.
 */
type Fault = 'lose-command' | 'lose-reply' | 'garble' | Promise<void>;

export type FaultRule = (command: BranchCommand) => Fault | undefined;

/** A network that holds a command up, or repeats it, knows nothing of who has given it up. */
const LATE_ANSWER_WITHIN_MS = 10_000;
const NO_FAULTS: FaultRule = () => undefined;

/** A real transport over a network that does what the test says. */
export class FaultyTransport implements BranchTransport {
  /** What the coordinator has handed over, lost or not. */
  readonly sent: BranchCommand[] = [];
  /** What participants have answered, lost or not. */
  readonly replies: ReplyEnvelope[] = [];
  private rule = NO_FAULTS;
  private sink: ReplySink | undefined;
  private readonly unheard = new Set<string>();

  constructor(private readonly inner: BranchTransport) {}

  /** Judges each command from here on by `rule`. */
  breakBy(rule: FaultRule): void {
    this.rule = rule;
  }

  heal(): void {
    this.rule = NO_FAULTS;
    this.unheard.clear();
  }

  onReply(sink: ReplySink): void {
    this.sink = sink;
    this.inner.onReply((reply) => {
      this.replies.push(reply);
      return this.unheard.has(attemptKey(reply)) ? undefined : this.sink?.(reply);
    });
  }

  send(command: BranchCommand, answerWithinMs: number): void {
    this.sent.push(command);
    const fault = this.rule(command);
    switch (fault) {
      case undefined:
        this.inner.send(command, answerWithinMs);
        return;
      case 'lose-command':
        return;
      case 'lose-reply':
        this.unheard.add(attemptKey(command));
        this.inner.send(command, answerWithinMs);
        return;
      case 'garble':
        this.inner.send({ ...command, traceparent: 'x'.repeat(1_000) }, answerWithinMs);
        return;
      default:
        void this.sendAfter(fault, command);
    }
  }

  async close(): Promise<void> {
    await this.inner.close();
  }

  /** Delivers a command once more, as a network may, and returns what the participant answers this time. */
  async deliverAgain(command: BranchCommand): Promise<ReplyEnvelope['reply']> {
    const before = this.repliesTo(command).length;
    this.inner.send(command, LATE_ANSWER_WITHIN_MS);
    return until('the repeated command is answered', () => this.repliesTo(command)[before]?.reply);
  }

  /** Waits until a command for `branchId` was handed over, and returns the latest one. */
  async sentTo(branchId: string, op: BranchCommand['op'], gid?: string): Promise<BranchCommand> {
    return until(`${op} of ${branchId} was sent`, () =>
      this.sent.findLast(
        (command) =>
          command.branchId === branchId && command.op === op && (gid === undefined || command.gid === gid),
      ),
    );
  }

  /** What participants have answered to an attempt so far. */
  repliesTo(command: BranchCommand): readonly ReplyEnvelope[] {
    return this.replies.filter((reply) => attemptKey(reply) === attemptKey(command));
  }

  private async sendAfter(moment: Promise<void>, command: BranchCommand): Promise<void> {
    await moment;
    this.inner.send(command, LATE_ANSWER_WITHIN_MS);
  }
}
