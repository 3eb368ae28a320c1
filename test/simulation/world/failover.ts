import type { MemoryRow } from '@atone/engine/testing';
import type { World } from './world.js';

/** The commits of a log, one after the other: what a copy lacks that lags behind are the last of them. */
export class LogHistory {
  private commits: { readonly atMs: number; readonly row: MemoryRow }[] = [];

  /** Takes note of a row as it is written. What is written together is so at one instant. */
  written(row: MemoryRow, atMs: number): void {
    this.commits.push({ atMs, row });
  }

  /** Forgets what was written after an instant, and returns the gids of that, each with its row as it was then. */
  lose(sinceMs: number): ReadonlyMap<string, MemoryRow | undefined> {
    const lost = new Set(this.commits.filter(({ atMs }) => atMs > sinceMs).map(({ row }) => row.gid));
    this.commits = this.commits.filter(({ atMs }) => atMs <= sinceMs);
    const kept = new Map(this.commits.map(({ row }) => [row.gid, row]));
    return new Map([...lost].map((gid) => [gid, kept.get(gid)]));
  }
}

/** Has the log go on from a copy that lacks what was committed within `lostMs`. */
export function failOver(world: World, lostMs: number): void {
  const { safety, log, history, scheduler } = world;
  const lost = [...history.lose(Math.max(0, scheduler.nowMs - lostMs))].filter(
    ([gid]) => !safety.led.isGone(gid),
  );
  const rows = lost.flatMap(([, row]) => row ?? []);
  const inserted = new Set(lost.filter(([, row]) => row === undefined).map(([gid]) => gid));
  log.failOver(rows, inserted);
  for (const [gid, row] of lost) {
    const what = row === undefined ? 'loses' : `goes back to v${row.version} ${row.state} of`;
    world.trace('log', `${what} ${world.nameOfGid(gid)}`);
  }
  safety.failedOver(rows, inserted);
}
