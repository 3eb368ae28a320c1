import { Command } from 'commander';
import { killInitiator } from './led/dead-initiator.js';
import { doubtsVerdict } from './led/doubts.check.js';
import { askAboutAll, type DoubtsResult } from './led/doubts.js';
import { CHECKED_IN_FLIGHT, verdictsOn, type Task, type Verdict } from './promise.check.js';
import { doubtsTable, stretchTable } from './report.table.js';
import { Rig } from './rig.js';
import { measure, stretchOf, type StretchResult } from './stretch.js';
import { startTask, type LoadTask } from './tasks.js';

/*
 * No-op transactions of two branches over HTTP. All processes and the load share this machine's cores, so rates say
 * little beyond it; CPU, commits, rows and WAL per transaction say more. Only rows and commits are promised: too many of
 * them end this with 1.
 */

const TASKS = ['saga', 'tcc', 'led-saga', 'dead-initiator', 'doubts'] as const;

interface Options {
  readonly task: string;
  readonly seconds: string;
  readonly inFlight: string;
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
      '(dead-initiator), and the cost of asking about branches in doubt (doubts).',
  )
  .option('--task <list>', `which of ${TASKS.join(', ')}`, 'saga,tcc,led-saga,dead-initiator')
  .option('--seconds <n>', 'how long each stretch lasts', '10')
  .option('--in-flight <list>', 'how many transactions are under way at once', '1,64,256')
  .option('--abandoned <n>', 'how many transactions the dead initiator leaves', '2000')
  .option('--doubts <n>', 'how many branches are in doubt, up to 100000', '100000')
  .option('--barrier', 'have the participant of tcc and led-saga keep a barrier')
  .option(
    '--cpu-prof',
    'have the coordinator, the participant and the initiator write CPU profiles when they stop',
  )
  .option('--check', `tell whether what is promised holds, with ${CHECKED_IN_FLIGHT} in flight`)
  .parse()
  .opts<Options>();

const inFlights = options.check === true ? [CHECKED_IN_FLIGHT] : options.inFlight.split(',').map(Number);
const nodeArgs = options.cpuProf === true ? ['--cpu-prof'] : [];
const lines: { task: Task; inFlight: number; result: StretchResult }[] = [];
const doubts: DoubtsResult[] = [];

for (const task of TASKS.filter((name) => options.task.split(',').includes(name))) {
  // oxlint-disable-next-line no-await-in-loop -- one task at a time, or they would measure each other.
  await runTask(task);
}
const verdicts: readonly Verdict[] = [
  ...lines.flatMap(({ result, ...shape }) => verdictsOn(stretchOf(result, shape))),
  ...doubts.map(doubtsVerdict),
];
report(lines.length > 0 ? stretchTable(lines) : undefined);
report(doubts.length > 0 ? doubtsTable(doubts) : undefined);
report(verdicts.map(({ line }) => line).join('\n'));
process.exitCode = verdicts.length > 0 && verdicts.every(({ isGood }) => isGood) ? 0 : 1;

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
  }
}

/** Each task begins with an empty log. */
async function onRig(work: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = await Rig.start({ nodeArgs });
  // Who interrupts it must not be left with a server.
  const stop = (): void => void rig.stop().finally(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    await work(rig);
  } finally {
    await rig.stop();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

async function bearLoads(rig: Rig, task: LoadTask): Promise<void> {
  const load = await startTask(rig, task, options.barrier === true);
  try {
    await load.bear({ inFlight: 64, seconds: 3 });
    await rig.log.untilEnded();
    for (const inFlight of inFlights) {
      const shape = { inFlight, seconds: Number(options.seconds) };
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

function report(text: string | undefined): void {
  if (text !== undefined) {
    process.stdout.write(`${text}\n`);
  }
}
