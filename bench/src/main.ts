import { Command } from 'commander';
import {
  COMPARED_SECONDS,
  FLEET_SECONDS,
  FLEET_TASKS,
  runFleetTask,
  WAYS,
  type FleetReport,
  type FleetTask,
} from './fleet/fleet.tasks.js';
import { Ground } from './ground.js';
import { killInitiator } from './led/dead-initiator.js';
import { doubtsVerdict } from './led/doubts.check.js';
import { askAboutAll, type DoubtsResult } from './led/doubts.js';
import { COMPARED_IN_FLIGHTS } from './kafka/comparison.check.js';
import { CHECKED_IN_FLIGHT, verdictsOn, type Task, type Verdict } from './promise.check.js';
import { compareMessages } from './messages/messages.js';
import { onPlace } from './place.js';
import { doubtsTable, stretchTable } from './report.table.js';
import { Rig } from './rig.js';
import { measure, stretchOf, type StretchResult } from './stretch.js';
import { startTask, type LoadTask } from './tasks.js';

/*
 * No-op transactions of two branches, over HTTP and over Kafka. All processes and the load share this machine's cores, so rates say
 * little beyond it; CPU, commits, rows and WAL per transaction say more, and so do rates by each other that were measured in turns.
 * A promise that is broken ends this with 1.
 */

const TASKS = ['saga', 'tcc', 'led-saga', 'dead-initiator', 'doubts', ...FLEET_TASKS, 'messages'] as const;

interface Options {
  readonly task: string;
  readonly seconds?: string;
  readonly inFlight?: string;
  readonly over: string;
  readonly kills: string;
  readonly rate: string;
  readonly abandoned: string;
  readonly doubts: string;
  readonly barrier?: boolean;
  readonly cpuProf?: boolean;
  readonly check?: boolean;
}

const options = new Command()
  .name('npm run bench --')
  .description(
    'Measures sagas, led transactions with tries (tcc) or compensations (led-saga), what is left of an initiator that died ' +
      '(dead-initiator), and the cost of asking about branches in doubt (doubts); over Kafka, sagas beside a bare prototype (kafka); ' +
      'two coordinators beside one (coordinators), what one leaves that is killed (takeover), and how long a group is silent when ' +
      "its members change (rebalance); and messages for a NestJS service, beside Nest's own transport (messages).",
  )
  .option('--task <list>', `which of ${TASKS.join(', ')}`, 'saga,tcc,led-saga,dead-initiator')
  .option(
    '--seconds <n>',
    `how long each stretch lasts (default: 10; kafka: ${COMPARED_SECONDS}, coordinators: ${FLEET_SECONDS})`,
  )
  .option('--in-flight <list>', 'how many transactions are under way at once (default: what suits the task)')
  .option('--over <list>', 'over what, with Kafka: ' + WAYS.join(', '), WAYS.join(','))
  .option('--kills <n>', 'how often takeover kills a coordinator', '3')
  .option('--rate <n>', 'how many sagas a second rebalance has', '600')
  .option('--abandoned <n>', 'how many transactions the dead initiator leaves', '2000')
  .option('--doubts <n>', 'how many branches are in doubt, up to 100000', '100000')
  .option('--barrier', 'have the participant of tcc and led-saga keep a barrier')
  .option(
    '--cpu-prof',
    'have the coordinator, the participant and the initiator write CPU profiles when they stop',
  )
  .option(
    '--check',
    `tell whether what is promised holds, with ${CHECKED_IN_FLIGHT} in flight (kafka: ${COMPARED_IN_FLIGHTS.join(', ')})`,
  )
  .parse()
  .opts<Options>();

const isCheck = options.check === true;
const chosenInFlights = options.inFlight?.split(',').map(Number);
const inFlights = isCheck ? [CHECKED_IN_FLIGHT] : (chosenInFlights ?? [1, 64, 256]);
const seconds = Number(options.seconds ?? 10);
const nodeArgs = options.cpuProf === true ? ['--cpu-prof'] : [];
const lines: { task: Task; inFlight: number; result: StretchResult }[] = [];
const doubts: DoubtsResult[] = [];
const fleets: FleetReport[] = [];

for (const task of TASKS.filter((name) => options.task.split(',').includes(name))) {
  // oxlint-disable-next-line no-await-in-loop -- one task at a time, or they would measure each other.
  await runTask(task);
}
const verdicts: readonly Verdict[] = [
  ...lines.flatMap(({ result, ...shape }) => verdictsOn(stretchOf(result, shape))),
  ...doubts.map(doubtsVerdict),
  ...fleets.flatMap((fleet) => fleet.verdicts),
];
report(lines.length > 0 ? stretchTable(lines) : undefined);
report(doubts.length > 0 ? doubtsTable(doubts) : undefined);
fleets.flatMap(({ tables }) => tables).forEach(report);
report(verdicts.map(({ line }) => line).join('\n'));
const hasMeasured = lines.length + doubts.length + fleets.length > 0;
process.exitCode = hasMeasured && verdicts.every(({ isGood }) => isGood) ? 0 : 1;

function runTask(task: (typeof TASKS)[number]): Promise<void> {
  switch (task) {
    case 'saga':
    case 'tcc':
    case 'led-saga':
      return onRig((rig) => bearLoads(rig, task));
    case 'dead-initiator':
      return onRig(abandon);
    case 'doubts':
      return askAll();
    case 'kafka':
    case 'coordinators':
    case 'takeover':
    case 'rebalance':
      return runFleet(task);
    case 'messages':
      return onPlace(Ground.start({ nodeArgs, withKafka: true }), async (ground) => {
        fleets.push(await compareMessages(ground));
      });
  }
}

/** Each task begins with an empty log. */
function onRig(work: (rig: Rig) => Promise<void>): Promise<void> {
  return onPlace(Rig.start({ nodeArgs }), work);
}

async function bearLoads(rig: Rig, task: LoadTask): Promise<void> {
  const load = await startTask(rig, task, options.barrier === true);
  try {
    await load.bear({ inFlight: 64, seconds: 3 });
    await rig.log.untilEnded();
    for (const inFlight of inFlights) {
      const shape = { inFlight, seconds };
      // oxlint-disable-next-line no-await-in-loop -- one stretch at a time, or they would measure each other.
      lines.push({ task, inFlight, result: await measure(rig, () => load.bear(shape)) });
    }
  } finally {
    await load.stop();
  }
}

async function abandon(rig: Rig): Promise<void> {
  const shape = { count: Number(options.abandoned), inFlight: 64 };
  lines.push({ task: 'dead-initiator', inFlight: shape.inFlight, result: await killInitiator(rig, shape) });
}

async function askAll(): Promise<void> {
  for (const answer of ['undo', 'wait'] as const) {
    const asking = { answer, branchCount: Number(options.doubts) };
    // oxlint-disable-next-line no-await-in-loop -- see above
    await onRig(async (rig) => {
      doubts.push(await askAboutAll(rig, asking));
    });
  }
}

async function runFleet(task: FleetTask): Promise<void> {
  const over = options.over.split(',');
  const fleet = await runFleetTask(task, {
    nodeArgs,
    ways: WAYS.filter((way) => over.includes(way)),
    inFlights: chosenInFlights,
    seconds: options.seconds === undefined ? undefined : seconds,
    kills: Number(options.kills),
    rate: Number(options.rate),
    isCheck,
  });
  fleets.push(fleet);
}

function report(text: string | undefined): void {
  if (text !== undefined) {
    process.stdout.write(`${text}\n`);
  }
}
