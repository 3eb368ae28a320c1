import type { Ending } from '@atone/protocol';
import type { ActionCall } from './barrier.port.js';
import { BranchFailure } from './branch.failure.js';
import type { TransactionEndings } from './endings.port.js';

/** What names an action that came late. */
type LateCall = Pick<ActionCall, 'gid' | 'branchId' | 'isLate'>;

/**
 * Asks whether the transaction of `call` is live. To be called with the row of the branch taken, and before the commit.
 *
 * @throws BranchFailure unless it is: then nothing must be done for it. Whoever still waits for it asks again.
 */
export async function requireLive(call: LateCall, endings: TransactionEndings | undefined): Promise<void> {
  const ending = await endingOf(call, endings);
  if (ending?.isLive === true) {
    return;
  }
  const why =
    ending === undefined
      ? 'and the log of the coordinator does not hold the transaction'
      : `and the transaction has ended ${Math.round(ending.endedForMs / 1_000)} s ago`;
  throw new BranchFailure(
    'error',
    `Branch ${call.branchId} of ${call.gid} came too late, and was not carried out: ${causeOf(call)}, ${why}.`,
  );
}

async function endingOf(
  call: LateCall,
  endings: TransactionEndings | undefined,
): Promise<Ending | undefined> {
  const doubt = `Branch ${call.branchId} of ${call.gid} was not carried out: ${causeOf(call)}, so it may be a late duplicate`;
  if (endings === undefined) {
    throw new BranchFailure(
      'error',
      `${doubt}, and this participant can ask nobody. Pass the client of the coordinator as \`endings\` of createParticipant.`,
    );
  }
  try {
    return (await endings.endings([call.gid])).find(({ gid }) => gid === call.gid);
  } catch (error) {
    throw new BranchFailure(
      'unreachable',
      `${doubt}, and the coordinator could not be asked: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function causeOf({ isLate }: LateCall): string {
  return isLate === true ? 'it was sent long ago' : 'barrier rows as old as its own have been removed';
}
