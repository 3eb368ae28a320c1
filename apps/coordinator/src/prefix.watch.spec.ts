import { ManualClock, MemoryCatalogueStore, MemoryLog } from '@atone/engine/testing';
import { MemoryKafka } from '@atone/kafka/testing';
import type { TransactionView } from '@atone/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CoordinatorInstances } from './http/answer.schemas.js';
import { openLogger } from './ports/pino.logger.js';
import { SystemClock } from './ports/system.clock.js';
import { PrefixWatch } from './prefix.watch.js';
import { planOf, soon, TestCoordinator } from './testing/test.coordinator.js';
import { KAFKA_CLIENT, STORE, type Store } from './tokens.js';
import { TRANSPORTS } from './transports.js';

const MESSAGE = 'coordinators of one log have different prefixes at kafka';
const LEASE_MS = 600_000;

interface Line {
  readonly msg: string;
  readonly kafka: string;
  readonly others: readonly unknown[];
}

describe('what compares the prefixes of those who share a log', () => {
  const clock = new ManualClock();
  let log: MemoryLog;
  let lines: string[];
  let watch: PrefixWatch | undefined;

  beforeEach(() => {
    log = new MemoryLog(clock);
    lines = [];
  });

  afterEach(() => watch?.stop());

  test('warns at the start and every minute, naming both', async () => {
    await enter('a', 'mine');
    await enter('b', 'other');

    await watchFor('mine');
    await clock.advance(120_000);

    expect(lines.map((line) => JSON.parse(line) as Line)).toEqual(
      Array.from({ length: 3 }, () =>
        expect.objectContaining({
          msg: MESSAGE,
          instance: 'a',
          kafka: "prefix 'mine'",
          others: [{ instance: 'b', url: 'http://b:7070', kafka: "prefix 'other'" }],
        }),
      ),
    );
  });

  test.each([
    [undefined, 'other', ['none', "prefix 'other'"]],
    ['mine', null, ["prefix 'mine'", 'none']],
  ])('one with the prefix %s warns of one with %s', async (own, theirs, [kafka, others]) => {
    await enter('b', theirs);

    await watchFor(own);

    expect(lines.map((line) => JSON.parse(line) as Line)).toMatchObject([
      { msg: MESSAGE, kafka, others: [{ instance: 'b', kafka: others }] },
    ]);
  });

  test('has nothing to say where all are alike, or one does not tell or is gone', async () => {
    await enter('b', 'mine');
    await enter('former', undefined);
    await enter('gone', 'other');
    await log.endLease('gone');

    await watchFor('mine');

    expect(lines).toEqual([]);
  });

  test('looks again after a look at which the log did not answer', async () => {
    await enter('b', 'other');
    const instances = log.instances.bind(log);
    log.instances = async () => Promise.reject(new Error('The log is away.'));
    await watchFor('mine');
    log.instances = instances;
    expect(lines).toEqual([]);

    await clock.advance(60_000);

    expect(lines).toHaveLength(1);
  });

  test('says nothing any more once it is stopped', async () => {
    await enter('b', 'other');
    await watchFor('mine');

    watch?.stop();
    await clock.advance(120_000);

    expect(lines).toHaveLength(1);
  });

  async function enter(instanceId: string, kafkaPrefix: string | null | undefined): Promise<void> {
    const url = `http://${instanceId}:7070`;
    await log.renewLease(instanceId, LEASE_MS, { version: '1.0.0', format: 1, url, kafkaPrefix });
  }

  async function watchFor(prefix: string | undefined): Promise<void> {
    const logger = openLogger('info', { write: (line: string) => void lines.push(line) });
    watch = new PrefixWatch({ instanceId: 'a', prefix, log, clock, logger });
    await watch.start();
  }
});

describe('coordinators of one log that go by different prefixes', () => {
  const kafka = new MemoryKafka();
  const running: TestCoordinator[] = [];
  let store: Store;

  beforeEach(async () => {
    const clock = new SystemClock();
    store = {
      log: new MemoryLog(clock),
      catalogue: new MemoryCatalogueStore(clock),
      logId: '019b7700-3c5e-4d2a-9f10-2f6f2f0f8a11',
      ensurePartitions: async () => undefined,
      cleanUp: async () => undefined,
      close: async () => undefined,
    };
    await store.catalogue.register('shop', {
      instance: 'one',
      kind: 'library',
      protocol: 1,
      kafka: { topic: 'mine.commands.shop' },
      actions: [{ name: 'reserve', hasCompensation: true }],
    });
    await start('mine');
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map(async (each) => each.close()));
  });

  test('are shown with them, and whoever starts last warns at once', async () => {
    await start('other');
    const last = await start(undefined);

    const { body } = await last.ask('GET', '/v1/instances');

    const { instances } = body as CoordinatorInstances;
    expect(instances.map(({ kafkaPrefix }) => kafkaPrefix)).toEqual(
      expect.arrayContaining(['mine', 'other', null]),
    );
    const warning = last.lines.find((line) => line.includes(MESSAGE)) ?? '';
    expect(warning).toContain("prefix 'mine'");
    expect(warning).toContain("prefix 'other'");
  });

  test.each([
    [
      'other',
      "The service 'shop' takes commands at mine.commands.shop, and this coordinator's prefix is 'other'.",
    ],
    [
      undefined,
      "The service 'shop' takes commands over Kafka alone, at mine.commands.shop, and this coordinator has no Kafka.",
    ],
  ])('tell of a service that the one with the prefix %s cannot ask why that is', async (prefix, why) => {
    const world = await start(prefix);

    const { view } = await world.submit(planOf('reserve'));

    expect(await lastErrorOf(world, view.gid)).toContain(why);
  });

  async function start(prefix: string | undefined): Promise<TestCoordinator> {
    const world = await TestCoordinator.start({
      environment:
        prefix === undefined ? {} : { ATONE_KAFKA_BROKERS: 'kafka:9092', ATONE_KAFKA_PREFIX: prefix },
      overrides: [
        ...TRANSPORTS,
        { provide: STORE, useValue: store },
        ...(prefix === undefined ? [] : [{ provide: KAFKA_CLIENT, useFactory: () => kafka.client() }]),
      ],
    });
    running.push(world);
    return world;
  }
});

async function lastErrorOf(world: TestCoordinator, gid: string): Promise<string> {
  for (;;) {
    // oxlint-disable no-await-in-loop -- until it has been tried
    const { body } = await world.ask('GET', `/v1/transactions/${gid}`);
    const message = (body as TransactionView).branches[0]?.lastError?.message;
    if (message !== undefined) {
      return message;
    }
    await soon();
    // oxlint-enable no-await-in-loop
  }
}
