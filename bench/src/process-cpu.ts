import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parent: number;
  readonly ticks: number;
}

/** Returns the CPU seconds that each named process has used so far, together with its children, dead ones too. Linux only. */
export function cpuSeconds<Name extends string>(
  pids: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  const all = readAll();
  const entries = Object.entries<number>(pids).map(
    ([name, pid]) => [name, ticksOfTree(pid, all) / TICKS_PER_SECOND] as const,
  );
  return Object.fromEntries(entries) as Record<Name, number>;
}

function readAll(): ReadonlyMap<number, ProcessTimes> {
  const all = new Map<number, ProcessTimes>();
  for (const entry of readdirSync('/proc')) {
    const times = /^\d+$/u.test(entry) ? readOne(entry) : undefined;
    if (times !== undefined) {
      all.set(Number(entry), times);
    }
  }
  return all;
}

function readOne(pid: string): ProcessTimes | undefined {
  try {
    // Fields after the command's closing bracket: state, parent, …, 11 to 14 on: utime, stime, cutime, cstime.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    return undefined; // It ended between the two looks.
  }
}

function ticksOfTree(pid: number, all: ReadonlyMap<number, ProcessTimes>): number {
  let ticks = all.get(pid)?.ticks ?? 0;
  for (const [child, { parent }] of all) {
    ticks += parent === pid ? ticksOfTree(child, all) : 0;
  }
  return ticks;
}
