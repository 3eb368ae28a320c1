import type { World } from './world.js';

/** Has the log go on from a copy that lacks what was inserted within `lostMs` of what code leads. */
export function failOver(world: World, lostMs: number): void {
  const { safety, log, logClock } = world;
  const lostSince = logClock.now() - lostMs;
  const gids = safety.gids.filter((gid) => {
    const row = safety.rowOf(gid);
    return row?.kind === 'led' && row.acceptedAt > lostSince;
  });
  log.life += 1;
  log.drop(gids, 0);
  for (const gid of gids) {
    world.trace('log', `loses ${world.nameOfGid(gid)}`);
  }
  safety.led.failedOver(gids);
}
