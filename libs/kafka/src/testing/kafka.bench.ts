import { randomBytes } from 'node:crypto';
import type { KafkaClient, OutgoingRecord } from '../kafka.port.js';
import { KafkaReader, type ReaderOptions } from './kafka.reader.js';

/** A broker, and clients of the kind that is to be tested. */
export interface KafkaWorld {
  connect(): KafkaClient;
  /** Starts a reader that never ends with its first batch. It resolves when it has that. */
  startDoomedReader(options: { readonly groupId: string; readonly topic: string }): Promise<DoomedReader>;
  close(): Promise<void>;
}

export interface DoomedReader {
  /** Ends it as kill -9 ends a process. */
  kill(): Promise<void>;
}

/** What a test works with. All that it opens is closed behind it. */
export class Bench {
  private world: KafkaWorld | undefined;
  private common: KafkaClient | undefined;
  private clients: KafkaClient[] = [];

  constructor(private readonly openWorld: () => Promise<KafkaWorld>) {}

  async open(): Promise<void> {
    this.world = await this.openWorld();
    this.common = this.world.connect();
  }

  async tidy(): Promise<void> {
    await Promise.all(this.clients.map(async (client) => client.close()));
    this.clients = [];
  }

  async close(): Promise<void> {
    await this.common?.close();
    await this.world?.close();
  }

  /** For what needs no group. */
  get client(): KafkaClient {
    return opened(this.common);
  }

  connect(): KafkaClient {
    const client = opened(this.world).connect();
    this.clients.push(client);
    return client;
  }

  async startDoomedReader(options: {
    readonly groupId: string;
    readonly topic: string;
  }): Promise<DoomedReader> {
    return opened(this.world).startDoomedReader(options);
  }

  newName(what: string): string {
    return `${what}-${randomBytes(6).toString('hex')}`;
  }

  async topic(partitionCount: number): Promise<string> {
    const name = this.newName('topic');
    await this.client.createTopics([{ name, partitionCount, replicationFactor: 1 }]);
    return name;
  }

  async join(
    options: Omit<ReaderOptions, 'groupId'> & { readonly groupId?: string },
    client = this.connect(),
  ): Promise<KafkaReader> {
    return KafkaReader.join(client, { groupId: this.newName('group'), ...options });
  }

  /** Returns the first values of a topic, in order if it has one partition. */
  async valuesOf(topic: string, count: number): Promise<readonly (string | undefined)[]> {
    const reader = await this.join({ topics: [topic] });
    await reader.until(({ values }) => values.length >= count);
    await reader.close();
    return reader.values;
  }

  /** Sends one record after the other until it is stopped, and then tells which. */
  keepSending(topic: string): RecordStream {
    return new RecordStream(this.client, topic);
  }
}

/** Records that are sent one after the other. */
export class RecordStream {
  /** Those that were acknowledged. */
  readonly sent: string[] = [];
  /** What became of the others. */
  readonly failures: unknown[] = [];
  private isStopped = false;
  private waiting: (() => void)[] = [];
  private readonly sending: Promise<void>;

  constructor(
    private readonly client: KafkaClient,
    private readonly topic: string,
  ) {
    this.sending = this.send();
  }

  /** Returns those that were acknowledged. */
  async stop(): Promise<readonly string[]> {
    this.isStopped = true;
    await this.sending;
    return this.sent;
  }

  /** Waits until this holds; asks after each send. */
  async until(isSo: (stream: this) => boolean): Promise<void> {
    while (!isSo(this)) {
      // oxlint-disable-next-line no-await-in-loop -- a wait
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
      });
    }
  }

  private async send(): Promise<void> {
    for (let number = 0; !this.isStopped; number += 1) {
      // oxlint-disable no-await-in-loop -- a stream
      try {
        await this.client.send([record(this.topic, `key-${number}`, `${number}`)]);
        this.sent.push(`${number}`);
      } catch (error) {
        this.failures.push(error);
      }
      this.waiting.splice(0).forEach((wake) => wake());
      // Gives others their turn, also where all is in memory.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      // oxlint-enable no-await-in-loop
    }
  }
}

function opened<Value>(value: Value | undefined): Value {
  if (value === undefined) {
    throw new Error('The world is not open.');
  }
  return value;
}

export function record(topic: string, key: string, value: string): OutgoingRecord {
  return { topic, key, value, headers: {} };
}

export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, number) => number);
}
