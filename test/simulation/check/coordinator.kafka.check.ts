import type { ReplyFate } from '@atone/engine';
import type { OutgoingRecord, ReceivedBatch } from '@atone/kafka';
import {
  attemptKey,
  COMMAND_TYPE,
  RECORD_HEADERS,
  REPLY_TYPE,
  type BranchCommand,
  type ReplyEnvelope,
} from '@atone/protocol';
import { attemptOf, Attempts, isPoison, type Delivery, type KafkaStory } from './kafka.story.js';
import type { KafkaCheck } from './kafka.check.js';

interface Coordinator {
  readonly instanceId: string;
  readonly repliesTopic: string;
  /** The time as this life has it. */
  readonly now: () => number;
}

/** Holds one life of a coordinator to the rules about replies: K1, K2 and K3. */
export class CoordinatorKafkaCheck implements KafkaStory {
  /** The partitions of the replies that it was told of last; a zombie was told of others since. */
  private held: ReadonlySet<number> = new Set();
  private readonly leaveBy = new Map<string, number>();
  private readonly handedIn = new Attempts();
  private readonly firstHand = new Attempts();
  private readonly sentOn = new Attempts();
  /** By transaction: the steps that were answered done to the driver of this time, each with the attempt that was. */
  private readonly doneSteps = new Map<
    string,
    { readonly era: number; readonly steps: Map<string, string> }
  >();
  private readonly lastAsked = new Map<string, { readonly attempt: string; readonly era: number }>();

  constructor(
    private readonly check: KafkaCheck,
    private readonly coordinator: Coordinator,
  ) {}

  /** The engine hands a command over. */
  asked(command: BranchCommand, answerWithinMs: number): void {
    const attempt = attemptIn(command);
    this.leaveBy.set(attempt, this.coordinator.now() + answerWithinMs);
    const era = this.check.eraOf(command.gid);
    this.lastAsked.set(`${command.gid} ${command.branchId}`, { attempt, era });
  }

  /** The engine is given a reply, over whatever way. */
  handed(reply: ReplyEnvelope, fate: ReplyFate | void): void {
    const attempt = attemptIn(reply);
    this.handedIn.add(attempt);
    const asked = this.lastAsked.get(`${reply.gid} ${reply.branchId}`);
    // Who asked before the last takeover may be about to find out that somebody else drives it, or itself anew.
    const isExpected = asked?.attempt === attempt && asked.era === this.check.eraOf(reply.gid);
    if (fate?.isDriven === true && isExpected && reply.op === 'action' && reply.reply.outcome === 'done') {
      this.stepsOf(reply.gid).set(reply.branchId, attempt);
    }
  }

  assigned(held: ReadonlyMap<string, readonly number[]>): void {
    this.held = new Set(held.get(this.coordinator.repliesTopic));
  }

  sends(records: readonly OutgoingRecord[]): void {
    for (const record of records) {
      const type = record.headers[RECORD_HEADERS.type];
      if (isPoison(record)) {
        continue;
      }
      if (type === COMMAND_TYPE) {
        this.checkCommand(record);
      } else if (type === REPLY_TYPE) {
        this.checkForwarded(record);
      }
    }
  }

  sent(): void {
    // Whether a command is stored is not promised.
  }

  delivered(batch: ReceivedBatch): Delivery {
    for (const record of batch.records) {
      if (!(RECORD_HEADERS.forwarded in record.headers)) {
        this.firstHand.add(attemptOf(record));
      }
    }
    return { batch, atMs: this.check.nowMs, before: this.handedIn.before(batch) };
  }

  done(delivery: Delivery): void {
    for (const record of delivery.batch.records.filter((one) => !isPoison(one))) {
      if (!this.handedIn.hasSince(delivery, attemptOf(record))) {
        this.check.broken(
          'K3',
          record.key,
          `the offset of ${attemptOf(record)} is committed, and nobody was told of it`,
        );
      }
      this.checkDurable(record.key ?? '', attemptOf(record));
    }
  }

  refused(): void {
    // It comes again.
  }

  private checkCommand(record: OutgoingRecord): void {
    const { instanceId, repliesTopic, now } = this.coordinator;
    const place = record.headers[RECORD_HEADERS.replyTo] ?? '';
    const partition = Number(place.split('/').at(-1));
    if (!place.startsWith(`${repliesTopic}/`) || !this.held.has(partition)) {
      this.check.broken('K1', record.key, `${instanceId} names ${place}, which it does not hold`);
    }
    if (now() > (this.leaveBy.get(attemptOf(record)) ?? 0)) {
      this.check.broken('K1', record.key, `${attemptOf(record)} leaves when it was given up long ago`);
    }
  }

  private checkForwarded(record: OutgoingRecord): void {
    const attempt = attemptOf(record);
    this.sentOn.add(attempt);
    if (this.sentOn.of(attempt) > this.firstHand.of(attempt)) {
      this.check.broken('K2', record.key, `the reply to ${attempt} is sent on, and was sent on before`);
    }
  }

  /** All steps are done, so it is decided: whoever lets go of the last reply has that in the log. */
  private checkDurable(gid: string, attempt: string): void {
    const row = this.check.rowOf(gid);
    const isDrivenHere =
      row?.owner === this.coordinator.instanceId && row.kind === 'saga' && this.check.isOfThisLife(gid);
    if (!isDrivenHere || row.state !== 'running' || row.isPaused || row.stuckReason !== undefined) {
      return;
    }
    const steps = this.stepsOf(gid);
    if ([...steps.values()].at(-1) !== attempt) {
      // What has come since lies in another batch, which is not done yet.
      return;
    }
    const branchIds = this.check.stepsOf(gid);
    const isDone = (branchId: string): boolean =>
      steps.has(branchId) && steps.get(branchId) === this.lastAsked.get(`${gid} ${branchId}`)?.attempt;
    if (branchIds.length > 0 && branchIds.every(isDone)) {
      this.check.broken(
        'K3',
        gid,
        `the offset of the last reply is committed, and the log says ${row.state}`,
      );
    }
  }

  private stepsOf(gid: string): Map<string, string> {
    const era = this.check.eraOf(gid);
    const known = this.doneSteps.get(gid);
    if (known?.era === era) {
      return known.steps;
    }
    const steps = new Map<string, string>();
    this.doneSteps.set(gid, { era, steps });
    return steps;
  }
}

function attemptIn(attempt: Parameters<typeof attemptKey>[0]): string {
  return attemptKey(attempt).replaceAll(' ', '/');
}
