import { Command } from 'commander';
import Table from 'cli-table3';
import { CHECKED_IN_FLIGHT, commitVerdict, type Stretch } from './commit.check.js';
import { load, type LoadResult } from './load.js';
import { Rig } from './rig.js';

/*
 * Two-step no-op sagas over HTTP, with 1, 64 and 256 of them in flight. All processes and the load share this machine's
 * cores, so rates say little beyond it; CPU, commits and WAL per transaction say more. Only the commits are promised:
 * too many of them end this with 1.
 */

interface Options {
  readonly seconds: string;
  readonly inFlight: string;
  readonly cpuProf?: boolean;
  readonly check?: boolean;
}

const options = new Command()
  .name('npm run bench --')
  .option('--seconds <n>', 'how long each stretch lasts', '10')
  .option('--in-flight <list>', 'how many transactions are under way at once', '1,64,256')
  .option('--cpu-prof', 'have the coordinator write a CPU profile when it stops')
  .option('--check', `measure only what is promised, with ${CHECKED_IN_FLIGHT} in flight`)
  .parse()
  .opts<Options>();

const SAGA = JSON.stringify({
  name: 'bench',
  steps: [
    { name: 'first', service: 'bench', action: 'work', input: { amount: 1 } },
    { name: 'second', service: 'bench', action: 'work', input: { amount: 2 } },
  ],
});

const inFlights = options.check === true ? [CHECKED_IN_FLIGHT] : options.inFlight.split(',').map(Number);
const stretches: Stretch[] = [];
const rig = await Rig.start({ coordinatorArgs: options.cpuProf === true ? ['--cpu-prof'] : [] });
const table = new Table({
  style: { head: [], border: [] },
  head: [
    'in flight',
    'tx/s',
    'p50 ms',
    'p99 ms',
    'commits/tx',
    'WAL B/tx',
    'CPU s per 1,000: coordinator',
    'postgres',
    'participant',
    'load',
  ],
});
try {
  await load(async () => rig.saga(SAGA), { inFlight: 64, seconds: 3 });
  for (const inFlight of inFlights) {
    // oxlint-disable-next-line no-await-in-loop -- one stretch at a time, or they would measure each other.
    table.push(await stretch(inFlight));
  }
} finally {
  await rig.stop();
}
process.stdout.write(`${table.toString()}\n`);
const verdict = commitVerdict(stretches);
if (verdict !== undefined) {
  process.stdout.write(`${verdict.line}\n`);
  process.exitCode = verdict.isGood ? 0 : 1;
}

async function stretch(inFlight: number): Promise<(string | number)[]> {
  const commits = await rig.commitCount();
  const wal = await rig.walBytes();
  const cpu = rig.cpu();
  const result: LoadResult = await load(async () => rig.saga(SAGA), {
    inFlight,
    seconds: Number(options.seconds),
  });
  const cpuAfter = rig.cpu();
  const commitsAfter = await rig.commitCount();
  const walAfter = await rig.walBytes();
  const commitsPerTransaction = (commitsAfter - commits) / result.count;
  stretches.push({ inFlight, commitsPerTransaction });
  const each = (used: number): string => ((used / result.count) * 1_000).toFixed(3);
  return [
    inFlight,
    Math.round(result.count / result.seconds),
    result.p50.toFixed(1),
    result.p99.toFixed(1),
    commitsPerTransaction.toFixed(3),
    Math.round((walAfter - wal) / result.count),
    ...Object.keys(cpu).map((name) => each((cpuAfter[name] ?? 0) - (cpu[name] ?? 0))),
  ];
}
