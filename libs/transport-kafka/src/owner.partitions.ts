import type { TransactionLog } from '@atone/engine';
import { replyPartitionOf } from '@atone/protocol';
import type { OwnerPartitions } from './reply.intake.js';

/**
 * Returns what tells from the log in which partition those who drive transactions wait for replies: the one that they name in
 * their commands. Who reads none at the moment is left out, and so is what nobody drives.
 */
export function ownerPartitions(log: Pick<TransactionLog, 'drives'>): OwnerPartitions {
  return async (gids) => {
    const drives = await log.drives(gids);
    return new Map(
      drives.flatMap(({ gid, facts }) => {
        const partition = replyPartitionOf(gid, facts?.replyPartitions ?? []);
        return partition === undefined ? [] : [[gid, partition] as const];
      }),
    );
  };
}
