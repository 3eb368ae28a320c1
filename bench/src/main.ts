import { Command } from 'commander';
import Table from 'cli-table3';
import { load, type LoadResult } from './load.js';
import { Rig } from './rig.js';

/*
 * Two-step no-op sagas over HTTP, with 1, 64 and 256 of them in flight. All processes and the load share this machine's
 * cores, so rates say little beyond it; CPU, commits and WAL per transaction say more.
 */

interface Options {
  readonly seconds: string;
  readonly inFlight: string;
  readonly cpuProf?: boolean;
}

const options = new Command()
  .name('npm run bench --')
  .option('--seconds <n>', 'how long each stretch lasts', '10')
  .option('--in-flight <list>', 'how many transactions are under way at once', '1,64,256')
  .option('--cpu-prof', 'have the coordinator write a CPU profile when it stops')
  .parse()
  .opts<Options>();

const SAGA = JSON.stringify({
  name: 'bench',
  steps: [
    { name: 'first', service: 'bench', action: 'work', input: { amount: 1 } },
    { name: 'second', service: 'bench', action: 'work', input: { amount: 2 } },
  ],
});

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
  for (const inFlight of options.inFlight.split(',').map(Number)) {
    // oxlint-disable-next-line no-await-in-loop -- one stretch at a time, or they would measure each other.
    table.push(await stretch(inFlight));
  }
} finally {
  await rig.stop();
}
process.stdout.write(`${table.toString()}\n`);

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
  const each = (used: number): string => ((used / result.count) * 1_000).toFixed(3);
  return [
    inFlight,
    Math.round(result.count / result.seconds),
    result.p50.toFixed(1),
    result.p99.toFixed(1),
    ((commitsAfter - commits) / result.count).toFixed(3),
    Math.round((walAfter - wal) / result.count),
    ...Object.keys(cpu).map((name) => each((cpuAfter[name] ?? 0) - (cpu[name] ?? 0))),
  ];
}
