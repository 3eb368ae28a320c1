import { ENGINE_BUGS } from './engine.bugs.js';
import { KAFKA_BUGS } from './kafka.bugs.js';
import { LED_BUGS } from './led.bugs.js';
import { LED_LOG_BUGS } from './led.log.bugs.js';
import { LIFE_BUGS } from './life.bugs.js';
import { PARTICIPANT_BUGS } from './participant.bugs.js';
import type { PlantedBug } from './planted.bug.js';
import { SAGA_BUGS } from './saga.bugs.js';
import type { SimulationMode } from '../plan/options.js';

export type { PlantedBug } from './planted.bug.js';

/** All mistakes that the simulator must find, each within 2,000 seeds. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...SAGA_BUGS,
  ...ENGINE_BUGS,
  ...PARTICIPANT_BUGS,
  ...LED_BUGS,
  ...LED_LOG_BUGS,
  ...LIFE_BUGS,
  ...KAFKA_BUGS,
];

/** Returns what the seeds of a planted bug have in common; nothing without a bug. */
export function modeOf(name: string | undefined): SimulationMode | undefined {
  return PLANTED_BUGS.find((bug) => bug.name === name)?.mode;
}
