import type { SimulationMode } from '../plan/options.js';
import type { PlantedBug } from './planted.bug.js';

const CORE = 'libs/core/src';
const ENGINE = 'libs/engine/src';

const LED_ALONE = { transactionCount: 0, ledCount: 3 };

/** For what the log has forgotten. */
const OVERNIGHT: SimulationMode = { kinds: ['night', 'overnight'], options: LED_ALONE };

/** For what still has to be ended when the log may forget. */
const ABSENT_OVERNIGHT: SimulationMode = { kinds: ['night', 'participant-down'], options: LED_ALONE };

/** For what the log may have lost. */
const WITH_FAILOVER: SimulationMode = { kinds: ['failover'], options: LED_ALONE };

/** For services that register their branches. */
const WITHOUT_LIBRARY: SimulationMode = {
  options: { ...LED_ALONE, plainCount: 1, isResending: true },
};

/** Mistakes about what the log has forgotten, lost, or been told beforehand of transactions that code leads. */
export const LED_LOG_BUGS: readonly PlantedBug[] = [
  {
    name: 'led-commit-after-the-purge',
    what: 'A commit is taken for new however old its transaction is: the log may have dropped what was decided of it.',
    promises: ['S1', 'S2', 'S3'],
    mode: OVERNIGHT,
    edits: [
      {
        file: `${ENGINE}/led.gate.ts`,
        find: 'return ageMs > memoryMs\n',
        replace: 'return ageMs > Number.MAX_VALUE + memoryMs\n',
      },
      {
        file: `${ENGINE}/testing/memory-log.ts`,
        find: '    this.checkPlace(rows);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'led-decision-purged-too-early',
    what: 'The log drops what is decided, before all branches have been told.',
    promises: ['TC1', 'S2'],
    mode: ABSENT_OVERNIGHT,
    edits: [
      {
        file: 'test/simulation/world/retention.ts',
        find: 'return row.finishedAt !== undefined;',
        replace: "return row.state !== 'active';",
      },
    ],
  },
  {
    name: 'led-registered-branch-kept',
    what: 'A commit confirms what a service without a barrier has registered, although its call threw.',
    promises: ['TC1', 'TC2', 'L1'],
    mode: WITHOUT_LIBRARY,
    edits: [
      {
        file: `${CORE}/led.plan.ts`,
        find: "isListed(step.branchId) ? 'follow' : 'undo'",
        replace: "isListed(step.branchId) || !step.hasBarrier ? 'follow' : 'undo'",
      },
    ],
  },
  {
    name: 'led-nothing-presumed-after-failover',
    what: 'A log that has failed over leaves to people what began since, as if it might have lost that as well.',
    promises: ['L1', 'TC4', 'TC1'],
    mode: WITH_FAILOVER,
    edits: [
      {
        file: `${ENGINE}/led.doubts.ts`,
        find: 'gate.hindrance(gid) ?? gate.epochHindrance(gid, epoch)',
        replace: 'gate.hindrance(gid) ?? gate.epochHindrance(gid, gate.presentEpoch() > 1 ? 0 : epoch)',
      },
    ],
  },
  {
    name: 'led-lost-decision-made-again',
    what: 'A log that has failed over decides what it knows nothing of, although it may have lost the decision.',
    promises: ['S1', 'S2', 'S3', 'S9'],
    mode: WITH_FAILOVER,
    edits: [
      {
        file: `${ENGINE}/led.gate.ts`,
        find: 'return began === present ?',
        replace: 'return began === present || began !== present ?',
      },
      {
        file: `${ENGINE}/testing/memory-log.ts`,
        find: 'if (row.epoch !== undefined && row.epoch !== this.life) {',
        replace: 'if (row.epoch !== undefined && row.epoch > this.life) {',
      },
    ],
  },
];
