import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '@atone/engine/testing';
import { MemoryKafka, type MemoryClient } from '@atone/kafka/testing';
import { KafkaSagas, SERVICES, type KafkaCoordinator } from '../harness/kafka.sagas.js';

const COORDINATORS = 'atone.coordinators';
const REPLIES = 'atone.replies';
const PASS_MS = 10;

const DONE_ONCE = { stock: ['done'], pay: ['done'] };

let clock: ManualClock;
let kafka: MemoryKafka;
let sagas: KafkaSagas<MemoryClient>;

beforeEach(async () => {
  clock = new ManualClock();
  kafka = new MemoryKafka({ clock });
  sagas = await new KafkaSagas({ clock, connect: () => kafka.client(), pass, prefix: 'atone' }).open({
    instanceCount: 2,
  });
});

afterEach(() => {
  kafka.faults = {};
  return sagas.end();
});

/** Time goes on when a test waits. */
async function pass(): Promise<void> {
  await clock.advance(PASS_MS);
}

async function submitMany(
  coordinators: readonly KafkaCoordinator[],
  count: number,
): Promise<readonly string[]> {
  const all = Array.from({ length: count }, (_, index) => coordinators[index % coordinators.length]);
  return Promise.all(all.flatMap((one) => (one === undefined ? [] : [sagas.submit(one.engine)])));
}

/** Two coordinators, each of which holds some of the partitions of the replies. */
async function twoCoordinators(): Promise<readonly [KafkaCoordinator, KafkaCoordinator]> {
  const both = [await sagas.coordinator(), await sagas.coordinator()] as const;
  await sagas.until(() => both.every(({ transport }) => transport.partitions.length === 3));
  return both;
}

function effectsOf(gids: readonly string[]): readonly object[] {
  return gids.map((gid) => sagas.effects(gid));
}

function doneOnce(gids: readonly string[]): readonly object[] {
  return gids.map(() => DONE_ONCE);
}

describe('sagas over Kafka', () => {
  test('end, and each of their steps is done once', async () => {
    const gids = await submitMany([await sagas.coordinator()], 30);

    const states = await sagas.ended(gids);

    expect(new Set(states)).toEqual(new Set(['committed']));
    expect(effectsOf(gids)).toEqual(doneOnce(gids));
  });

  test('that are refused are undone', async () => {
    const { engine } = await sagas.coordinator();
    sagas.refused.add('too dear');
    const gid = await sagas.submit(engine, 'too dear');

    const states = await sagas.ended([gid]);

    expect(states).toEqual(['aborted']);
    expect(sagas.effects(gid)).toEqual({ stock: ['done', 'undone'], pay: [] });
  });

  test('of two coordinators are each answered at home', async () => {
    const both = await twoCoordinators();

    const gids = await submitMany(both, 40);
    await sagas.ended(gids);

    expect(effectsOf(gids)).toEqual(doneOnce(gids));
    expect(both.map(({ transport }) => transport.counts.dropped)).toEqual([0, 0]);
  });
});

describe('sagas end, and nothing is done twice,', () => {
  test('when their coordinator stops and another one takes over', async () => {
    const [leaving, staying] = await twoCoordinators();
    kafka.faults = { delayMs: () => 50 };
    const gids = await submitMany([leaving, staying], 40);

    await sagas.through(leaving.engine.stop());

    const states = await sagas.ended(gids);
    expect(new Set(states)).toEqual(new Set(['committed']));
    expect(effectsOf(gids)).toEqual(doneOnce(gids));
  });

  test('when partitions change hands all the time', async () => {
    const both = await twoCoordinators();
    kafka.faults = { delayMs: () => 20 };
    const gids = await submitMany(both, 40);

    for (let count = 0; count < 10; count += 1) {
      const groups = [COORDINATORS, ...SERVICES.map((service) => `atone.${service}`)];
      groups.forEach((group) => kafka.rebalance(group));
      // oxlint-disable-next-line no-await-in-loop -- one after the other.
      await pass();
    }

    await sagas.ended(gids);
    expect(effectsOf(gids)).toEqual(doneOnce(gids));
  });

  test('when instances of the services die in the middle', async () => {
    const dying = await Promise.all(SERVICES.map(async (service) => sagas.participant(service)));
    kafka.faults = { delayMs: (step) => (step === 'commit' ? 200 : 5) };
    const gids = await submitMany([await sagas.coordinator()], 40);

    dying.forEach(({ client, forget }) => {
      forget();
      client.kill();
    });

    await sagas.ended(gids);
    expect(effectsOf(gids)).toEqual(doneOnce(gids));
  });

  test('when all that was ever sent is read again', async () => {
    const { engine } = await sagas.coordinator();
    const gids = [await sagas.submit(engine), await sagas.submit(engine)];
    await sagas.ended(gids);

    SERVICES.forEach((service) => kafka.resetOffsets(`atone.${service}`, `atone.commands.${service}`));
    kafka.resetOffsets(COORDINATORS, REPLIES);

    const later = await sagas.submit(engine);
    await sagas.ended([later]);
    const all = [...gids, later];
    expect(effectsOf(all)).toEqual(doneOnce(all));
  });

  test('when half of the records are lost, and some come twice', async () => {
    let count = 0;
    const { engine } = await sagas.coordinator();
    kafka.faults = {
      record: () => {
        count += 1;
        return count % 2 === 0 ? 'lost' : count % 3 === 0 ? 'twice' : 'stored';
      },
    };

    const gids = [await sagas.submit(engine), await sagas.submit(engine), await sagas.submit(engine)];

    await sagas.ended(gids);
    expect(effectsOf(gids)).toEqual(doneOnce(gids));
  });

  test('when the brokers are away for a while', async () => {
    const { engine } = await sagas.coordinator();
    kafka.faults = { request: () => 'unreachable' };
    const gids = [await sagas.submit(engine), await sagas.submit(engine)];
    await clock.advance(20_000);

    kafka.faults = {};

    await sagas.ended(gids);
    expect(effectsOf(gids)).toEqual(doneOnce(gids));
  });
});
