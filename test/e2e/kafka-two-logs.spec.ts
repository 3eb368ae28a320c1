import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ManualClock } from '@atone/engine/testing';
import { MemoryKafka, type MemoryClient } from '@atone/kafka/testing';
import { KafkaSagas, type KafkaCoordinator } from '../harness/kafka.sagas.js';

const SAGA_COUNT = 20;

interface Installation {
  readonly logId: string;
  readonly sagas: KafkaSagas<MemoryClient>;
  readonly coordinator: KafkaCoordinator;
  /** Who of it has warned, and of what. */
  readonly warnings: (readonly [string, string])[];
}

let clock: ManualClock;
let kafka: MemoryKafka;
let both: readonly [Installation, Installation];

beforeEach(async () => {
  clock = new ManualClock();
  kafka = new MemoryKafka({ clock });
  both = [await install('log-a', 1), await install('log-b', 2)];
});

afterEach(() => Promise.all(both.map(async ({ sagas }) => sagas.end())));

/** Starts one of two installations that nobody has given a prefix of their own. */
async function install(logId: string, seed: number): Promise<Installation> {
  const warnings: Installation['warnings'] = [];
  const sagas = await new KafkaSagas<MemoryClient>({
    clock,
    connect: () => kafka.client(),
    pass: async () => clock.advance(10),
    prefix: 'atone',
    own: { logId, seed, onWarning: (who, what) => void warnings.push([who, what]) },
  }).open({ instanceCount: 1 });
  return { logId, sagas, warnings, coordinator: await sagas.coordinator() };
}

async function submitMany({ sagas, coordinator }: Installation): Promise<readonly string[]> {
  return Promise.all(Array.from({ length: SAGA_COUNT }, async () => sagas.submit(coordinator.engine)));
}

/** Its first service has had a command of the other installation, and its coordinator an answer from there. */
function hasBeenTold({ warnings }: Installation): boolean {
  const who = new Set(warnings.map(([name]) => name));
  return ['coordinator', 'stock'].every((name) => who.has(name));
}

test('of two installations that share a prefix neither carries out what is the other one’s, and both tell of it', async () => {
  const [one, other] = both;
  const [ofOne, ofOther] = [await submitMany(one), await submitMany(other)];

  await one.sagas.until(() => both.every((each) => hasBeenTold(each)));

  const nothing = { stock: [], pay: [] };
  expect(ofOne.map((gid) => other.sagas.effects(gid))).toEqual(ofOne.map(() => nothing));
  expect(ofOther.map((gid) => one.sagas.effects(gid))).toEqual(ofOther.map(() => nothing));
  expect(new Map(one.warnings).get('coordinator')).toBe(other.logId);
  expect(new Map(one.warnings).get('stock')).toMatch(
    /log log-b.*log log-a.*prefix 'atone'.*ATONE_KAFKA_PREFIX/u,
  );
});

test('whose command was turned away is told why', async () => {
  const [one, other] = both;
  const gids = await submitMany(one);

  await one.sagas.until(() => other.warnings.length > 0);
  await one.sagas.until(() => kafka.records('atone.dead').length > 0);

  const [letter] = kafka.records('atone.dead');
  expect(gids).toContain(letter?.key);
  expect(letter?.headers['atone-dead-reason']).toMatch(/^Not carried out: it is a command of the log log-a/u);
});
