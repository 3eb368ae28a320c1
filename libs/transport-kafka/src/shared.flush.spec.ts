import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Catalogue, DEFAULT_ENGINE_OPTIONS, Engine } from '@atone/engine';
import { MemoryCatalogueStore, MemoryLog, SeededRandom } from '@atone/engine/testing';
import { commandsTopic, repliesTopic } from '@atone/protocol';
import { deferred, KafkaWorld, PARTITION_COUNT } from './testing/kafka.world.js';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** What begins within so long is answered in one partition. */
const TOGETHER_MS = 20;

let world: KafkaWorld;

beforeEach(async () => {
  world = await new KafkaWorld().open();
});

afterEach(() => world.end());

/** Returns an engine over Kafka, and how many rows each flush of its log has updated. */
async function coordinator(): Promise<{ readonly engine: Engine; readonly flushes: readonly number[] }> {
  const { clock } = world;
  const flushes: number[] = [];
  const stored = new MemoryLog(clock);
  const log = Object.assign(Object.create(stored) as MemoryLog, {
    update: async (...[rows]: Parameters<MemoryLog['update']>) => {
      flushes.push(rows.length);
      return stored.update(rows);
    },
  });
  const catalogue = new Catalogue(new MemoryCatalogueStore(clock));
  await catalogue.register('stock', {
    instance: 'stock-1',
    kind: 'library',
    protocol: 1,
    kafka: { topic: commandsTopic('atone', 'stock') },
    actions: [{ name: 'reserve', hasCompensation: true }],
  });
  const instanceId = 'coordinator-1';
  const transport = world.transport({ catalogue, instanceId });
  const ports = { log, transport, catalogue, clock, random: new SeededRandom(1), logger: SILENT };
  const engine = new Engine(ports, { ...DEFAULT_ENGINE_OPTIONS, instanceId });
  await transport.start();
  await engine.start();
  return { engine, flushes };
}

test('what replies of several partitions cause in one turn goes by one flush of the log', async () => {
  const gate = deferred();
  await world.start('stock', async () => {
    await gate.promise;
    return { outcome: 'done', output: null };
  });
  const { engine, flushes } = await coordinator();
  const step = { name: 'reserve', service: 'stock', action: 'reserve', input: {} };
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    const submission = { name: 'order', steps: [step] };
    // oxlint-disable no-await-in-loop -- what begins at one time has one partition
    const accepted = [engine.submit({ submission }), engine.submit({ submission })];
    await world.clock.advance(TOGETHER_MS);
    await Promise.all(accepted);
    // oxlint-enable no-await-in-loop
  }

  gate.resolve();
  await until(() => flushes.length > 0);

  const replies = world.kafka.records(repliesTopic('atone'));
  expect(new Set(replies.map(({ partition }) => partition)).size).toBe(PARTITION_COUNT);
  expect(flushes).toEqual([2 * PARTITION_COUNT]);
  await engine.stop();
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
