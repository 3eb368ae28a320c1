import type { ReceivedMessage, WireConsumer } from './wire.js';

const COMMIT_EVERY_MS = 200;

/** Commits the offsets of what is done, now and then: what was done since is done once more, if this process dies. */
export class DoneOffsets {
  private done = new Map<number, bigint>();

  constructor(consumer: WireConsumer) {
    setInterval(() => void this.commit(consumer), COMMIT_EVERY_MS).unref();
  }

  note(messages: Iterable<Pick<ReceivedMessage, 'partition' | 'offset'>>): void {
    for (const { partition, offset } of messages) {
      this.done.set(partition, offset + 1n);
    }
  }

  private async commit(consumer: WireConsumer): Promise<void> {
    if (this.done.size > 0) {
      const { done } = this;
      this.done = new Map();
      await consumer.commit(done);
    }
  }
}
