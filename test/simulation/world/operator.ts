import type { OperatorAct, Saga } from '@atone/core';
import type { TimedFault } from '../plan/fault.js';
import type { World } from './world.js';

const ACTS = ['retry', 'skip', 'skip', 'abort', 'pause', 'resume'] as const;

/**
 * Carries out some act on some transaction at some coordinator: on one that has not ended, and on a branch of it that
 * has not, as far as the log tells. What is refused is refused.
 */
export function actAtRandom(world: World, fault: TimedFault): void {
  const gids = world.safety.gids.filter((gid) => world.safety.rowOf(gid)?.finishedAt === undefined);
  const gid = gids[Math.floor(fault.choice * gids.length)];
  if (gid === undefined) {
    return;
  }
  const point = `operator ${world.nameOfGid(gid)} ${Math.round(fault.atMs)}`;
  const act: OperatorAct = {
    type: world.draws.pick(`${point} act`, ACTS),
    branchId: world.draws.pick(`${point} branch`, openBranches(world, gid)),
    by: 'operator',
    reason: 'simulated',
  };
  const coordinator = world.coordinators[Math.floor(fault.otherChoice * world.coordinators.length)];
  coordinator?.act(gid, act);
}

function openBranches(world: World, gid: string): readonly string[] {
  const { branches = [] } = (world.safety.rowOf(gid)?.progress ?? {}) as unknown as Pick<
    Partial<Saga>,
    'branches'
  >;
  const open = branches.filter(({ state }) =>
    ['calling', 'unknown', 'compensating', 'refused'].includes(state),
  );
  return (open.length === 0 ? branches : open).map(({ branchId }) => branchId);
}

/** After the faults: goes on with what is paused, and asks again where it is stuck, as a good operator would. */
export function tidyUp(world: World): void {
  for (const gid of world.safety.gids) {
    const row = world.safety.rowOf(gid);
    if (row === undefined || row.finishedAt !== undefined) {
      continue;
    }
    const coordinator = world.draws.pick('tidy where', world.coordinators);
    const by = { by: 'operator', reason: 'the fault is gone' };
    if (row.isPaused) {
      coordinator.act(gid, { type: 'resume', ...by });
    } else if (row.stuckReason !== undefined) {
      coordinator.act(gid, { type: 'retry', ...by });
    }
  }
}
