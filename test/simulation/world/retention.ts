import { gidTimeMs } from '@atone/core';
import type { StoredRow } from '@atone/engine';
import { LED_TIMEOUT_MAX_MS } from '@atone/protocol';
import type { World } from './world.js';

/** For how long after the beginning of a led transaction the log writes something new of it: as short as can be. */
export const MEMORY_MS = LED_TIMEOUT_MAX_MS;

/** Rows are kept for longer than the log remembers, by more than the clock of any coordinator is wrong. */
const KEPT_MS = MEMORY_MS + 4 * 3_600_000;

/** Drops what nobody needs any more, and only that. */
export function dropWhatEnded(world: World): void {
  const { safety, log, logClock } = world;
  const keptSinceMs = logClock.now() - KEPT_MS;
  const gids = safety.gids.filter((gid) => {
    const row = safety.rowOf(gid);
    return row?.kind === 'led' && hasEnded(row) && gidTimeMs(gid) < keptSinceMs;
  });
  log.drop(gids, keptSinceMs);
  for (const gid of gids) {
    safety.led.dropped(gid);
  }
}

function hasEnded(row: StoredRow): boolean {
  return row.finishedAt !== undefined;
}
