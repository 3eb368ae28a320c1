import type { LedBranch } from '@atone/core';
import { CALL_LABEL_CHARS_MAX, NOTICE_BRANCH_COUNT_MAX, type Notice } from '@atone/protocol';
import type { ScopeCalls } from './scope.js';

/** What a notice tells of calls. */
export type ToldCalls = Pick<Notice, 'branches' | 'branchCount' | 'calls'>;

type ToldBranch = NonNullable<Notice['branches']>[number];

/** Returns what to tell of the calls of a transaction: of too many those under way, and what came last. */
export function toldCalls({ returned, thrown, inFlight }: ScopeCalls): ToldCalls {
  const all = [
    ...returned.map((branch) => toldBranch(branch, 'returned')),
    ...thrown.map((branch) => toldBranch(branch, 'threw')),
    ...inFlight.flatMap(({ own }) => own).map((branch) => toldBranch(branch, 'in-flight')),
  ];
  const others = inFlight.filter(({ own }) => own.length === 0);
  return {
    branches: all.slice(-NOTICE_BRANCH_COUNT_MAX),
    ...(all.length > NOTICE_BRANCH_COUNT_MAX ? { branchCount: all.length } : {}),
    ...(others.length === 0 ? {} : { calls: others.slice(-NOTICE_BRANCH_COUNT_MAX).map(toldCall) }),
  };
}

function toldBranch({ branchId, service, action, kind }: LedBranch, state: ToldBranch['state']): ToldBranch {
  return { branchId, service, action, kind, state };
}

function toldCall({ branchId, label }: ScopeCalls['inFlight'][number]): {
  callId: string;
  label: string;
} {
  return { callId: branchId, label: label.slice(0, CALL_LABEL_CHARS_MAX) };
}
