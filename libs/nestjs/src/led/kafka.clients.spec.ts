import { beforeEach, expect, test } from '@jest/globals';
import { MemoryKafka } from '@atone/kafka/testing';
import {
  action,
  contract,
  createParticipant,
  systemClock,
  type AtoneClient,
  type ServiceClient,
} from '@atone/participant';
import { createKafkaCalls, kafkaCommands, startKafkaCommands } from '@atone/participant/kafka';
import { MemoryDatabase, type MemoryTransaction } from '@atone/participant/testing';
import { Test, type TestingModule } from '@nestjs/testing';
import { z } from 'zod';
import { AtoneModule } from '../atone.module.js';
import { ATONE_CLIENT } from '../atone.options.js';
import { GlobalTransactions } from './global-transactions.service.js';
import { clientToken } from './service.clients.js';

const PARTITIONS = { partitionCount: 1, replicationFactor: 1 };
const ledger = contract('ledger', { book: action({ input: z.object({}), output: z.null() }) });

let kafka: MemoryKafka;

beforeEach(() => {
  kafka = new MemoryKafka();
});

/** A coordinator that knows one instance of the ledger, and takes every decision. */
function coordinator(): AtoneClient {
  const at = systemClock.instant(systemClock.now()).toISOString();
  const entry = { instance: 'l1', kind: 'library', protocol: 1, actions: [], registeredAt: at, seenAt: at };
  return {
    participants: async () => [{ service: 'ledger', kafka: { topic: 'atone.commands.ledger' }, ...entry }],
    logInfo: async () => ({ logNumber: 1, epoch: 1, now: at, timeoutMaxMs: 60_000 }),
    decide: async (gid: string) => ({ gid, outcome: 'committed', branches: [] }),
    notices: async () => undefined,
  } as unknown as AtoneClient;
}

async function desk(): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [
      AtoneModule.forRoot({
        service: 'desk',
        coordinator: { url: 'http://coordinator.test' },
        clients: [ledger],
        kafka: kafkaCommands({ client: kafka.client(), createTopics: PARTITIONS }),
      }),
    ],
  })
    .overrideProvider(ATONE_CLIENT)
    .useValue(coordinator())
    .compile();
  return module.init();
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

test('an application calls a service that takes its commands over Kafka alone', async () => {
  const participant = createParticipant<MemoryTransaction>({
    service: 'ledger',
    database: new MemoryDatabase().connect(),
    handlers: [{ contract: ledger.book, run: async () => null, compensate: async () => undefined }],
  });
  const commands = await startKafkaCommands({
    participant,
    client: kafka.client(),
    createTopics: PARTITIONS,
  });
  const module = await desk();
  const client = module.get<ServiceClient<typeof ledger>>(clientToken(ledger));

  const answer = await module.get(GlobalTransactions).run({ name: 'note' }, async () => client.book({}));

  await module.close();
  await commands.close();
  expect(answer).toBeNull();
  expect(kafka.records('atone.replies.desk')).toHaveLength(1);
});

test('an application that is closed leaves the group of its answers to others', async () => {
  const module = await desk();
  const other = createKafkaCalls({ service: 'desk', client: kafka.client(), createTopics: PARTITIONS });
  await until(() => kafka.partitionCount('atone.replies.desk') === 1);
  other.open();

  await module.close();

  await until(() => other.isReady);
  expect(other.isReady).toBe(true);
  await other.close();
});
