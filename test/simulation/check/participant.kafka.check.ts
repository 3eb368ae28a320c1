import type { OutgoingRecord, ReceivedBatch } from '@atone/kafka';
import { attemptKey, RECORD_HEADERS, REPLY_TYPE, type BranchCommand } from '@atone/protocol';
import { attemptOf, Attempts, isPoison, type Delivery, type KafkaStory } from './kafka.story.js';
import type { KafkaCheck } from './kafka.check.js';

/** So many batches in a row may be given back for answers that cannot be stored; then one is passed over. */
const REFUSED_IN_A_ROW = 4;

/** A record that was given to the process, and is not done. */
interface GivenRecord {
  readonly record: ReceivedBatch['records'][number];
  /** Which one in a row brought it. */
  readonly delivery: number;
  hasBegun: boolean;
}

/** Holds one life of a participant to the rules about its commands: K4 and K5. */
export class ParticipantKafkaCheck implements KafkaStory {
  private readonly answered = new Attempts();
  private readonly tried = new Attempts();
  private readonly ended = new Attempts();
  private readonly buried = new Set<string>();
  private readonly running = new Map<string, string>();
  private readonly refusedInARow = new Map<string, number>();
  private readonly given = new Set<GivenRecord>();
  private deliveryCount = 0;

  constructor(
    private readonly check: KafkaCheck,
    private readonly slowAfterMs: number,
  ) {}

  /** A command is being carried out from now on. */
  begins(command: BranchCommand): void {
    const { gid } = command;
    const attempt = attemptIn(command);
    const other = this.running.get(gid);
    if (other !== undefined) {
      this.check.broken('K4', gid, `${attempt} begins while ${other} is carried out`);
    }
    this.running.set(gid, attempt);
    this.checkOrder(gid, attempt);
  }

  ends(command: BranchCommand): void {
    this.running.delete(command.gid);
    this.ended.add(attemptIn(command));
  }

  /** Everything is quiet: what was carried out has been answered, however long it took. */
  checkEnd(): void {
    for (const [attempt, count] of this.ended.all) {
      if (this.tried.of(attempt) < count) {
        this.check.broken('K4', attempt.split('/')[0], `${attempt} was carried out, and nobody was told`);
      }
    }
  }

  assigned(): void {
    // Whoever holds it may carry it out, and whoever held it too.
  }

  sends(records: readonly OutgoingRecord[]): void {
    for (const record of records) {
      const { headers } = record;
      if (RECORD_HEADERS.deadReason in headers) {
        this.buried.add(graveOf(headers));
      } else if (headers[RECORD_HEADERS.type] === REPLY_TYPE) {
        this.tried.add(attemptOf(record));
      }
    }
  }

  sent(records: readonly OutgoingRecord[]): void {
    records
      .filter(({ headers }) => headers[RECORD_HEADERS.type] === REPLY_TYPE)
      .forEach((record) => this.answered.add(attemptOf(record)));
  }

  delivered(batch: ReceivedBatch): Delivery {
    this.forget(batch);
    this.deliveryCount += 1;
    for (const record of batch.records) {
      this.given.add({ record, delivery: this.deliveryCount, hasBegun: false });
    }
    return { batch, atMs: this.check.nowMs, before: this.answered.before(batch) };
  }

  done(delivery: Delivery): void {
    const { batch, atMs } = delivery;
    // The time of the simulation has more digits than a timer.
    const isSlow = this.check.nowMs - atMs >= this.slowAfterMs - 1;
    const isPassedOver = (this.refusedInARow.get(placeOf(batch)) ?? 0) >= REFUSED_IN_A_ROW;
    this.refusedInARow.delete(placeOf(batch));
    this.forget(batch);
    for (const record of batch.records) {
      if (isPoison(record)) {
        this.checkBuried(record);
      } else if (!isSlow && !isPassedOver && !this.answered.hasSince(delivery, attemptOf(record))) {
        this.check.broken(
          'K4',
          record.key,
          `the offset of ${attemptOf(record)} is committed, and its answer is not stored`,
        );
      }
    }
  }

  refused({ batch }: Delivery): void {
    this.refusedInARow.set(placeOf(batch), (this.refusedInARow.get(placeOf(batch)) ?? 0) + 1);
  }

  /**
   * What comes again may begin after what was behind it and did not have to come again. Of records with one attempt that one counts which
   * keeps the order: those that were given up while they waited never begin.
   */
  private checkOrder(gid: string, attempt: string): void {
    const all = [...this.given].filter(({ record }) => record.key === gid);
    const asked = all.filter(({ record, hasBegun }) => !hasBegun && attemptOf(record) === attempt);
    const begun = asked.find((one) => !all.some((other) => hasOvertaken(other, one))) ?? asked[0];
    if (begun === undefined) {
      return;
    }
    if (all.some((other) => hasOvertaken(other, begun))) {
      this.check.broken('K4', gid, `${attempt} begins after one that was sent later`);
    }
    begun.hasBegun = true;
  }

  private forget({ topic, partition, records }: ReceivedBatch): void {
    const offsets = new Set(records.map(({ offset }) => offset));
    for (const one of this.given) {
      if (
        one.record.topic === topic &&
        one.record.partition === partition &&
        offsets.has(one.record.offset)
      ) {
        this.given.delete(one);
      }
    }
  }

  private checkBuried({ topic, partition, offset }: ReceivedBatch['records'][number]): void {
    if (!this.buried.has(`${topic}/${partition}/${offset}`)) {
      this.check.broken(
        'K5',
        undefined,
        `what nobody can read of ${topic}/${partition} is not with the dead letters`,
      );
    }
  }
}

function hasOvertaken(other: GivenRecord, { record, delivery }: GivenRecord): boolean {
  return (
    other.hasBegun &&
    other.record.partition === record.partition &&
    other.record.offset > record.offset &&
    other.delivery >= delivery
  );
}

function placeOf({ topic, partition, records }: ReceivedBatch): string {
  return `${topic}/${partition}/${records[0]?.offset}`;
}

function graveOf(headers: OutgoingRecord['headers']): string {
  const { deadTopic, deadPartition, deadOffset } = RECORD_HEADERS;
  return [deadTopic, deadPartition, deadOffset].map((name) => headers[name]).join('/');
}

function attemptIn(command: BranchCommand): string {
  return attemptKey(command).replaceAll(' ', '/');
}
