import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import type { KafkaClient } from '@atone/kafka';
import { action, contract, createAtoneClient, createParticipant } from '@atone/participant';
import { startKafkaCommands, type KafkaCommands } from '@atone/participant/kafka';
import { MemoryDatabase } from '@atone/participant/testing';
import type { Problem } from '@atone/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { CoordinatorProcess } from '../harness/coordinator.process.js';
import { ask, type Answer } from '../harness/rest.js';
import { Gate, until } from '../harness/until.js';
import { newName, testBrokers } from './kafka.client.js';
import { LIBRARIES } from './kafka.worlds.js';

/** Who is spare says so after ten seconds, and whoever is dead is missed after six. */
const PATIENCE_MS = 60_000;

const CONTRACT = contract('stock', { reserve: action({ input: z.object({}), output: z.null() }) });

const PLAN = {
  name: 'order',
  steps: [{ name: 'reserve', service: 'stock', action: 'reserve', input: {} }],
};

interface Instances {
  readonly instances: readonly {
    readonly isThis: boolean;
    readonly isStandby?: boolean;
    readonly replyPartitions?: readonly number[];
  }[];
}

describe.each(LIBRARIES)(
  'of two coordinators for whom the replies have one partition, by $name,',
  ({ name, connect }) => {
    let database: TestDatabase;
    let client: KafkaClient;
    let stock: KafkaCommands;
    /** Opens when the stock may answer. */
    let gate: Gate;
    let prefix: string;
    let processes: CoordinatorProcess[];

    beforeEach(async () => {
      database = await createTestDatabase();
      prefix = newName('standby');
      processes = [];
      gate = new Gate();
      client = connect({ brokers: testBrokers(), clientId: 'stock' });
      stock = await startKafkaCommands({
        participant: createParticipant({
          service: 'stock',
          database: new MemoryDatabase().connect(),
          handlers: [{ contract: CONTRACT.reserve, run: reserve, compensate: async () => undefined }],
        }),
        client,
        prefix,
        createTopics: { partitionCount: 1, replicationFactor: 1 },
      });
    });

    afterEach(async () => {
      gate.open();
      await Promise.all(processes.map(async (each) => each.kill()));
      await stock.close();
      await client.close();
      await database.drop();
    });

    test('one serves and the other stands by, and takes all over when the first is killed', async () => {
      const { serving, spare } = await startBoth();
      const refusal = await ask(`POST ${spare.url}/v1/transactions`, { body: PLAN });
      const shown = await until('the other one says so', async () => {
        const { instances } = (await ask<Instances>(`GET ${serving.url}/v1/instances`)).body;
        return instances.some(({ isStandby }) => isStandby === true) && instances;
      });
      const { gid } = await atone(serving).submitPlan(PLAN);

      await serving.kill();
      await until('the other one is ready', async () => (await health(spare)).status === 200, PATIENCE_MS);
      gate.open();

      const [taken, next] = [
        await atone(spare).get(gid, { wait: '30s' }),
        await atone(spare).submitPlan(PLAN, { wait: '30s' }),
      ];
      expect(refusal).toMatchObject({
        status: 503,
        body: { code: 'OVERLOADED', detail: expect.stringContaining('stands by') },
      });
      expect(
        // One that stands by tells none or, once a group gave it none, an empty list.
        shown.map(({ isThis, isStandby, replyPartitions = [] }) => ({ isThis, isStandby, replyPartitions })),
      ).toEqual(
        expect.arrayContaining([
          { isThis: true, replyPartitions: [0] },
          { isThis: false, isStandby: true, replyPartitions: [] },
        ]),
      );
      expect([taken.outcome, next.outcome]).toEqual(['committed', 'committed']);
      expect(await spare.stop()).toEqual({ code: 0, signal: null });
    });

    async function reserve(): Promise<null> {
      await gate.passage;
      return null;
    }

    /** Waits until one of them stands by: the brokers choose which. */
    async function startBoth(): Promise<{ serving: CoordinatorProcess; spare: CoordinatorProcess }> {
      const [one, other] = [await start(), await start()];
      await atone(one).registerInstance('stock', {
        instance: 'stock-1',
        kind: 'library',
        protocol: 1,
        kafka: stock.kafka,
        actions: [{ name: 'reserve', hasCompensation: true }],
      });
      return until(
        'one of them stands by',
        async () => {
          const [spare, ...more] = await standbys([one, other]);
          return spare !== undefined && more.length === 0 && { serving: spare === one ? other : one, spare };
        },
        PATIENCE_MS,
      );
    }

    async function start(): Promise<CoordinatorProcess> {
      const started = await CoordinatorProcess.start(database.url, {
        ATONE_KAFKA_BROKERS: testBrokers().join(','),
        ATONE_KAFKA_CLIENT: name,
        ATONE_KAFKA_PREFIX: prefix,
        ATONE_KAFKA_PARTITIONS: '1',
      });
      processes.push(started);
      return started;
    }
  },
);

async function standbys(all: readonly CoordinatorProcess[]): Promise<CoordinatorProcess[]> {
  const answers = await Promise.all(all.map(health));
  return all.filter((_, position) => answers[position]?.body?.code === 'OVERLOADED');
}

async function health({ url }: CoordinatorProcess): Promise<Answer<Partial<Problem> | undefined>> {
  return ask(`GET ${url}/health/ready`);
}

function atone({ url }: CoordinatorProcess) {
  return createAtoneClient({ url });
}
