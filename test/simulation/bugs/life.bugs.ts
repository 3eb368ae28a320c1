import { NEVER_MS, type SimulationMode } from '../plan/options.js';
import type { PlantedBug } from './planted.bug.js';

const FOLDER = 'libs/engine/src';

/** For who goes on with what a log knew that has lost it since: others write meanwhile, and take over. */
const TURMOIL: SimulationMode = {
  kinds: ['failover', 'operator', 'pause-coordinator', 'log-slow'],
  options: {
    coordinatorCount: 3,
    leaseMs: 300,
    plainCount: 1,
    serviceCount: 2,
    ledCount: 0,
    isResending: true,
  },
};

/** Mistakes about a log that has failed over, and lost its last commits. */
export const LIFE_BUGS: readonly PlantedBug[] = [
  {
    name: 'life-not-named',
    what: 'An update is done whichever life of the log its version is of.',
    promises: ['S1', 'S2', 'S9', 'SA1', 'SA2', 'SA5', 'K3'],
    mode: TURMOIL,
    edits: [
      {
        file: `${FOLDER}/testing/memory-log.ts`,
        find: 'if (update.epoch !== this.life) {',
        replace: 'if (update.epoch > this.life) {',
      },
    ],
  },
  {
    name: 'drivers-kept-across-lives',
    what: 'Drivers are kept when the log is in another life, and write in that one from then on.',
    promises: ['S1', 'S2', 'S9', 'SA1', 'SA2', 'SA5', 'K3'],
    mode: TURMOIL,
    edits: [
      {
        file: `${FOLDER}/driver.table.ts`,
        find: 'if (driver.epoch !== epoch) {',
        replace: 'if (driver.epoch > epoch) {',
      },
      {
        file: `${FOLDER}/driver.table.ts`,
        find: 'parts.writer.update(update, isUrgent),',
        replace: 'parts.writer.update({ ...update, epoch: parts.epoch() ?? 0 }, isUrgent),',
      },
    ],
  },
  {
    name: 'own-rows-of-a-new-life-left',
    what: 'Who hears of a new life of the log forgets what it drives, and does not look for what is its own.',
    promises: ['L1', 'L3'],
    mode: { kinds: ['failover'], options: { orphanEveryMs: NEVER_MS } },
    edits: [
      {
        file: `${FOLDER}/recovery.ts`,
        find: 'this.host.forgetOthers(epoch);\n    this.suspectOrphans();',
        replace: 'this.host.forgetOthers(epoch);',
      },
    ],
  },
];
