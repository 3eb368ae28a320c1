import type { KafkaLibraryName } from '@atone/kafka/connect';
import type { Ground } from '../ground.js';
import { Contender, type ContenderName, type KafkaStretch } from './contender.js';

/** A stretch of load of one contender. */
export interface ComparedStretch {
  readonly library: KafkaLibraryName;
  readonly name: ContenderName;
  readonly inFlight: number;
  readonly stretch: KafkaStretch;
}

export interface ComparisonShape {
  readonly library: KafkaLibraryName;
  readonly inFlights: readonly number[];
  readonly seconds: number;
}

/** So often each contender has its turn with each load: odd, so that one turn is the middle one. */
const TURNS = 3;

/** After so many sagas the larger program is compiled as well. On a busy machine that takes long, so not for ever. */
const WARM_UP_COUNT = 20_000;
const WARM_UP = { inFlight: 256, seconds: 4 };
const WARM_UPS_MAX = 3;

/**
 * Has the coordinator and the prototype bear the same loads in turns, one right after the other, so that what else the machine
 * does concerns both alike.
 */
export async function comparePrototype(
  ground: Ground,
  { library, inFlights, seconds }: ComparisonShape,
): Promise<readonly ComparedStretch[]> {
  const prototype = await Contender.start(ground, 'prototype', library);
  const atone = await Contender.start(ground, 'atone', library);
  const compared: ComparedStretch[] = [];
  const turns = Array.from({ length: TURNS }, () => [prototype, atone]).flat();
  // oxlint-disable no-await-in-loop -- one stretch at a time, or they would measure each other.
  for (const contender of [prototype, atone]) {
    await warmUp(contender);
  }
  for (const inFlight of inFlights) {
    for (const contender of turns) {
      const stretch = await contender.measure({ inFlight, seconds });
      compared.push({ library, name: contender.name, inFlight, stretch });
    }
  }
  // oxlint-enable no-await-in-loop
  await Promise.all([prototype.close(), atone.close()]);
  return compared;
}

async function warmUp(contender: Contender): Promise<void> {
  let count = 0;
  for (let turn = 0; turn < WARM_UPS_MAX && count < WARM_UP_COUNT; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one load after the other
    count += (await contender.bear(WARM_UP)).count;
  }
}
