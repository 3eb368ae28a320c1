import { branchOf, stepOf, stuckOf, type Saga, type Stuck } from '@atone/core';
import type { StuckView } from '@atone/protocol';

/** Which part of a transaction an operator has to look at. */
export interface StuckPart {
  readonly branchId: string;
  readonly service: string;
  /** What the service was asked to do. */
  readonly op: NonNullable<StuckView['op']>;
}

/** Returns whom a stuck branch belongs to, and what was asked of him. */
export function stuckPart(saga: Saga, branchId: string): StuckPart {
  const { state } = branchOf(saga, branchId);
  const { service } = stepOf(saga, branchId);
  if (state === 'confirming') {
    return { branchId, service, op: 'confirm' };
  }
  return { branchId, service, op: state === 'compensating' ? 'compensate' : 'action' };
}

/** Returns why a transaction is stuck that was not before; undefined for any other, and for one that only gets stuck once more. */
export function newlyStuck(
  before: Saga,
  after: Saga,
): (Pick<Stuck, 'reason'> & Partial<StuckPart>) | undefined {
  // Most events leave nobody stuck, and are many where there are many branches.
  if (before.branches === after.branches && before.stuck === after.stuck) {
    return undefined;
  }
  const stuck = stuckOf(after);
  if (stuck === undefined || stuckOf(before) !== undefined) {
    return undefined;
  }
  const { reason, branchId } = stuck;
  return branchId === undefined ? { reason } : { reason, ...stuckPart(after, branchId) };
}
