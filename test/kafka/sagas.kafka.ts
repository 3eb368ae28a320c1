import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KafkaClient } from '@atone/kafka';
import { KafkaSagas } from '../harness/kafka.sagas.js';
import { LIBRARIES } from './kafka.worlds.js';
import { realScene } from './real.scene.js';

const DONE_ONCE = { stock: ['done'], pay: ['done'] };

describe.each(LIBRARIES)('over real brokers, by $name,', (library) => {
  let sagas: KafkaSagas<KafkaClient>;

  beforeEach(async () => {
    sagas = await new KafkaSagas(realScene(library)).open({ instanceCount: 1 });
  });

  afterEach(() => sagas.end());

  test('sagas of two coordinators end, and each of their steps is done once, though one of them stops', async () => {
    const leaving = await sagas.coordinator();
    const staying = await sagas.coordinator();
    await sagas.until(() => [leaving, staying].every(({ transport }) => transport.partitions.length === 3));
    const engines = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? leaving : staying).engine);
    const gids = await Promise.all(engines.map(async (engine) => sagas.submit(engine)));

    await leaving.engine.stop();

    const states = await sagas.ended(gids);
    expect(new Set(states)).toEqual(new Set(['committed']));
    expect(gids.map((gid) => sagas.effects(gid))).toEqual(gids.map(() => DONE_ONCE));
  });

  test('a saga that is refused is undone', async () => {
    const { engine } = await sagas.coordinator();
    sagas.refused.add('too dear');
    const gid = await sagas.submit(engine, 'too dear');

    const states = await sagas.ended([gid]);

    expect(states).toEqual(['aborted']);
    expect(sagas.effects(gid)).toEqual({ stock: ['done', 'undone'], pay: [] });
  });
});
