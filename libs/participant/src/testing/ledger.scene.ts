import type { BranchReply } from '@atone/core';
import { MemoryKafka, type MemoryClient } from '@atone/kafka/testing';
import {
  commandRecord,
  readReplyRecord,
  repliesTopic,
  type BranchCommand,
  type SigningKey,
} from '@atone/protocol';
import { z } from 'zod';
import { action, contract, type ActionHandler } from '../contract.js';
import { defaultClock } from '../kafka/kafka.clock.js';
import {
  startKafkaCommands,
  type KafkaCommands,
  type KafkaCommandsOptions,
} from '../kafka/kafka.commands.js';
import { createParticipant, type Participant } from '../participant.js';
import { MemoryDatabase, type MemoryTransaction } from './memory.database.js';

export const REPLIES = repliesTopic('atone');
export const TOPIC = 'atone.commands.ledger';
export const GROUP = 'atone.ledger';
export const DONE: BranchReply = { outcome: 'done', output: null };
const clock = defaultClock();
const ONE_PARTITION = { partitionCount: 1, replicationFactor: 1 };

const ledger = contract('ledger', {
  book: action({ input: z.object({ text: z.string() }), output: z.null() }),
});

/** Services `ledger` that take their commands over one Kafka, and a coordinator that sends them. */
export class LedgerScene {
  readonly kafka = new MemoryKafka();
  readonly database = new MemoryDatabase();
  /** The branches whose handlers were called, in their order. */
  readonly started: string[] = [];
  private readonly running: KafkaCommands[] = [];
  /** What opens when a test says so: the handlers of the branches named here wait for it. */
  private readonly gates = new Map<string, Promise<void>>();

  async open(): Promise<this> {
    await this.kafka.client().createTopics([{ name: REPLIES, partitionCount: 4, replicationFactor: 1 }]);
    return this;
  }

  async close(): Promise<void> {
    this.kafka.faults = {};
    await Promise.all(this.running.map(async (commands) => commands.close()));
  }

  participantOf(change: Partial<Parameters<typeof createParticipant>[0]> = {}): Participant {
    return createParticipant<MemoryTransaction>({
      service: 'ledger',
      database: this.database.connect(),
      handlers: [this.book()],
      ...(change as object),
    });
  }

  async start(own: Partial<KafkaCommandsOptions> = {}): Promise<KafkaCommands & { client: MemoryClient }> {
    const client = this.kafka.client();
    const commands = await startKafkaCommands({
      participant: this.participantOf(),
      client,
      createTopics: ONE_PARTITION,
      ...own,
    });
    this.running.push(commands);
    return Object.assign(commands, { client });
  }

  /** Stores commands as a coordinator does. */
  async send(...commands: readonly BranchCommand[]): Promise<void> {
    await this.kafka.client().send(commands.map((one) => recordOf(one)));
  }

  /** What was answered, by branch, each as often as it was. */
  answers(): readonly (readonly [string, BranchReply])[] {
    return this.kafka.records(REPLIES).flatMap((record) => {
      const read = readReplyRecord(record, { keys: [], nowMs: 0 });
      return read.type === 'reply' ? [[read.envelope.branchId, read.envelope.reply] as const] : [];
    });
  }

  /** Has the handler of the branch wait until the function is called that is returned. */
  hold(branchId: string): () => void {
    const settle: { open?: () => void } = {};
    this.gates.set(
      branchId,
      new Promise((resolve) => {
        settle.open = resolve;
      }),
    );
    return () => settle.open?.();
  }

  private book(): ActionHandler<MemoryTransaction> {
    const { started, gates } = this;
    return {
      contract: ledger.book,
      async run(input, { branchId, transaction }) {
        started.push(branchId);
        transaction.record((input as { text: string }).text);
        await gates.get(branchId);
        return null;
      },
      compensate: async ({ branchId, transaction }) => {
        started.push(`undo ${branchId}`);
        transaction.record(`undo ${branchId}`);
      },
    };
  }
}

export function command(branchId: string, change: Partial<BranchCommand> = {}): BranchCommand {
  return {
    gid: gid(1),
    branchId,
    op: 'action',
    round: 1,
    attempt: 1,
    service: 'ledger',
    action: 'book',
    input: { text: branchId },
    issuedAt: 1,
    ...change,
  };
}

export function gid(count: number): string {
  return `0193d6c0-0000-7000-8000-${String(count).padStart(12, '0')}`;
}

export function recordOf(one: BranchCommand, signingKey?: SigningKey): ReturnType<typeof commandRecord> {
  const place = { topic: TOPIC, replyTo: { topic: REPLIES, partition: 2 } };
  return commandRecord(one, place, { source: '/coordinators/one', nowMs: clock.now(), signingKey });
}

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

export function steppedClock(): KafkaCommandsOptions['clock'] & { pass(): void; dueCount(): number } {
  const due: (() => void)[] = [];
  return {
    now: () => clock.now(),
    setTimer: (_delayMs, callback) => {
      due.push(callback);
      return { cancel: () => void due.splice(due.indexOf(callback), due.includes(callback) ? 1 : 0) };
    },
    pass: () => due.splice(0).forEach((callback) => callback()),
    dueCount: () => due.length,
  };
}
