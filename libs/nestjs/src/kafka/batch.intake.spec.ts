import type { ReceivedRecord } from '@atone/kafka';
import { expect, test } from '@jest/globals';
import { KafkaRetriableException } from '@nestjs/microservices';
import { BatchIntake, type BatchIntakeOptions } from './batch.intake.js';

function record(offset: number, key = `${offset}`): ReceivedRecord {
  return { topic: 'told', partition: 3, offset: BigInt(offset), key, value: '{}', headers: {}, timestamp: 0 };
}

function batch(...records: readonly ReceivedRecord[]): {
  topic: string;
  partition: number;
  records: readonly ReceivedRecord[];
} {
  return { topic: 'told', partition: 3, records };
}

function intakeOf(
  deliver: BatchIntakeOptions['deliver'],
  own: Partial<BatchIntakeOptions> = {},
): BatchIntake {
  return new BatchIntake({
    client: { send: async () => undefined },
    deliver,
    deadTopic: 'atone.dead',
    parallelMax: 64,
    attemptMax: 1,
    retryAfterMs: 1,
    slowAfterMs: 60_000,
    log: { error: () => undefined, warn: () => undefined },
    ...own,
  });
}

/** Fails for the second message, once, and tells what was given to it. */
function failingOnce(): { readonly given: bigint[]; readonly deliver: BatchIntakeOptions['deliver'] } {
  const given: bigint[] = [];
  const deliver = async ({ offset }: ReceivedRecord): Promise<void> => {
    given.push(offset);
    if (offset === 1n && given.length <= 2) {
      throw new KafkaRetriableException('the database is away');
    }
  };
  return { given, deliver };
}

test('what is through of a batch that comes again is not given to its handler twice', async () => {
  const { given, deliver } = failingOnce();
  const intake = intakeOf(deliver);
  await expect(intake.take(batch(record(0), record(1)))).rejects.toThrow('the database is away');

  await intake.take(batch(record(0), record(1)));

  expect(given).toEqual([0n, 1n, 1n]);
});

test('it is given again where other partitions were held in between, for its offset may mean another message by then', async () => {
  const { given, deliver } = failingOnce();
  const intake = intakeOf(deliver);
  await expect(intake.take(batch(record(0), record(1)))).rejects.toThrow('the database is away');

  intake.forget();
  await intake.take(batch(record(0), record(1)));

  expect(given).toEqual([0n, 1n, 0n, 1n]);
});

test('a handler that does not return is told to the log, with the place of its message', async () => {
  const gate: { open?: () => void } = {};
  const told = await new Promise<unknown>((resolve) => {
    const log = {
      error: () => undefined,
      warn: (fields: object, message: string) => resolve({ message, ...fields }),
    };
    const hanging = new Promise<void>((open) => {
      gate.open = open;
    });
    const intake = intakeOf(async ({ offset }) => (offset === 1n ? hanging : undefined), {
      log,
      slowAfterMs: 1,
    });
    void intake.take(batch(record(0), record(1), record(2, '1')));
  });
  gate.open?.();

  expect(told).toMatchObject({
    message: 'a handler holds up its partition',
    topic: 'told',
    partition: 3,
    offset: '1',
    openCount: 1,
  });
});
