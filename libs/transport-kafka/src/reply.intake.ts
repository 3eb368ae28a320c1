import type { ReplyFate } from '@atone/engine';
import {
  sendWithRetries,
  type KafkaClient,
  type OutgoingRecord,
  type ReceivedBatch,
  type ReceivedRecord,
} from '@atone/kafka';
import {
  deadRecord,
  deadTopic,
  forwardedRecord,
  logIdOf,
  readReplyRecord,
  type RecordTrust,
  type ReplyEnvelope,
} from '@atone/protocol';

/** Tells in which partition of the replies the answers to transactions are waited for. What nobody drives is missing. */
export type OwnerPartitions = (gids: readonly string[]) => Promise<ReadonlyMap<string, number>>;

/** What became of records that were no replies to this instance. */
export interface IntakeCounts {
  /** Sent on to the instance that drives the transaction. */
  forwarded: number;
  /** Passed over: their driver asks again. */
  dropped: number;
  /** Put with the dead letters. */
  dead: number;
  /** Of those, the ones that were not signed by anybody who may. */
  distrusted: number;
}

export interface IntakeOptions {
  readonly client: Pick<KafkaClient, 'send'>;
  readonly prefix: string;
  readonly instanceId: string;
  readonly trust: () => RecordTrust;
  readonly deliver: (envelope: ReplyEnvelope) => ReplyFate | void;
  readonly isHeld: (partition: number) => boolean;
  readonly ownerPartitions?: OwnerPartitions | undefined;
  readonly onTrouble: (error: unknown) => void;
  readonly logId: string | undefined;
  readonly onDead: (record: ReceivedRecord, reason: string) => void;
  readonly onOther: (record: ReceivedRecord, otherLogId: string) => void;
}

interface Stray {
  readonly gid: string;
  readonly record: ReceivedRecord;
}

/** Gives replies to whom they concern. */
export class ReplyIntake {
  readonly counts: IntakeCounts = { forwarded: 0, dropped: 0, dead: 0, distrusted: 0 };

  constructor(private readonly options: IntakeOptions) {}

  /** Resolves when all of the batch is dealt with, and what it caused here is in the log. Never rejects. */
  async take({ records }: ReceivedBatch): Promise<void> {
    const settling: Promise<void>[] = [];
    const strays: Stray[] = [];
    const dead: OutgoingRecord[] = [];
    const trust = this.options.trust();
    for (const record of records) {
      const read = readReplyRecord(record, trust);
      if (read.type === 'unreadable') {
        dead.push(this.deadLetter(record, read));
        continue;
      }
      this.lookForOthers(record);
      const fate = this.options.deliver(read.envelope);
      if (fate?.isDriven === true) {
        settling.push(fate.settled());
      } else if (fate !== undefined) {
        strays.push(...this.sortOut({ gid: read.envelope.gid, record }, read.isForwarded));
      }
    }
    await Promise.all([...settling, this.forward(strays), this.bury(dead)]);
  }

  /** What a service of another log has done is done: its answer counts. But two installations share what they should not. */
  private lookForOthers(record: ReceivedRecord): void {
    const [own, other] = [this.options.logId, logIdOf(record)];
    if (own !== undefined && other !== undefined && other !== own) {
      this.options.onOther(record, other);
    }
  }

  private deadLetter(
    record: ReceivedRecord,
    { reason, cause }: { readonly reason: string; readonly cause: string },
  ): OutgoingRecord {
    this.counts.dead += 1;
    this.options.onDead(record, reason);
    this.counts.distrusted += cause === 'signature' ? 1 : 0;
    return deadRecord(record, { topic: deadTopic(this.options.prefix), reason });
  }

  /** What was sent on once and is of no use here either would only go round in circles. */
  private sortOut(stray: Stray, isForwarded: boolean): readonly Stray[] {
    if (!isForwarded && this.options.ownerPartitions !== undefined) {
      return [stray];
    }
    this.counts.dropped += 1;
    return [];
  }

  private async forward(strays: readonly Stray[]): Promise<void> {
    if (strays.length === 0) {
      return;
    }
    try {
      const records = await this.addressed(strays);
      await this.options.client.send(records);
      this.counts.forwarded += records.length;
      this.counts.dropped += strays.length - records.length;
    } catch (error) {
      this.counts.dropped += strays.length;
      this.options.onTrouble(error);
    }
  }

  private async addressed(strays: readonly Stray[]): Promise<readonly OutgoingRecord[]> {
    const gids = [...new Set(strays.map(({ gid }) => gid))];
    const owners = await this.options.ownerPartitions?.(gids);
    return strays.flatMap(({ gid, record }) => {
      const partition = owners?.get(gid);
      return partition === undefined || this.options.isHeld(partition)
        ? []
        : [forwardedRecord(record, { partition, by: this.options.instanceId })];
    });
  }

  /**
   * A dead letter that cannot be stored holds nothing up for long: the record stays where it was for as long as the topic keeps it, and
   * the sentence tells where.
   */
  private async bury(dead: readonly OutgoingRecord[]): Promise<void> {
    if (dead.length === 0) {
      return;
    }
    try {
      await sendWithRetries(this.options.client, dead);
    } catch (error) {
      this.options.onTrouble(error);
    }
  }
}
