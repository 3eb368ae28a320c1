/** What the prototype needs of a client library; each has its own way, and nothing of ours between. */
export interface Wire {
  createTopics(names: readonly string[], partitionCount: number): Promise<void>;
  /** Stores messages by one request for each broker, at all in-sync replicas. */
  send(topic: string, messages: readonly WireMessage[]): Promise<void>;
  /** Joins a group, and resolves when it has its partitions. Nothing waits for `onMessages`. */
  consume(topic: string, onMessages: (messages: readonly ReceivedMessage[]) => void): Promise<WireConsumer>;
}

export interface WireMessage {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Where it is not the key that decides. */
  readonly partition?: number;
}

export interface ReceivedMessage {
  readonly value: string;
  /** Returns a header as text: who needs none pays for none. */
  readonly header: (name: string) => string | undefined;
  readonly partition: number;
  readonly offset: bigint;
}

export interface WireConsumer {
  /** Commits the offsets behind the last messages that are done, by partition. */
  commit(offsets: ReadonlyMap<number, bigint>): Promise<void>;
}

/** The topics, for all partitions of which one process is there. */
export const PARTITION_COUNT = 12;
export const COMMANDS = 'prototype.commands.bench';
export const REPLIES = 'prototype.replies';

export type WireLibrary = 'kafkajs' | 'platformatic';

export async function connectWire(library: WireLibrary, brokers: readonly string[]): Promise<Wire> {
  const { KafkajsWire } = await import('./kafkajs.wire.js');
  const { PlatformaticWire } = await import('./platformatic.wire.js');
  return library === 'kafkajs' ? new KafkajsWire(brokers) : new PlatformaticWire(brokers);
}
