import type { BranchKind } from '@atone/core';

/** Why the log leaves a branch in doubt to people. */
export interface Referral {
  /** As what its transaction is stuck; absent where another log decides it, or an operator has passed it over. */
  readonly stuck?: 'log-restored' | 'undecidable' | undefined;
  /** Whether there is a row that knows it as well: all that is waited for is a decision there. */
  readonly isUntilDecided?: boolean | undefined;
  readonly message: string;
}

/** That a participant has asked what was decided for an effect. */
export interface AskedDoubt {
  readonly branchId: string;
  readonly service: string;
  readonly action: string;
  readonly kind: BranchKind;
  /** Since when the branch is past its deadline, by the log's clock. */
  readonly since: number;
  /** Which effect it is, as its row tells it. */
  readonly nonce: string;
  readonly secretHash: string;
  /** The life of the log in which its transaction began. */
  readonly epoch: number;
  /** What keeps the participant from doing what it was told. */
  readonly trouble?: string | undefined;
  /** Why only a person can tell what becomes of it, where that is so. */
  readonly referral?: Referral | undefined;
  /** When it was asked for the last time. */
  readonly askedAt: number;
}

/** What was asked about a branch. */
export interface BranchDoubt extends AskedDoubt {
  /** Other effects that have asked under the same id. Nobody can tell which one its initiator meant. */
  readonly rivals?: readonly AskedDoubt[] | undefined;
}

/** Returns one doubt for each branch, the first that asked, with those that have asked under the same id. */
export function byBranch(asked: Iterable<AskedDoubt>): readonly BranchDoubt[] {
  const branches = new Map<string, AskedDoubt[]>();
  for (const doubt of asked) {
    const known = branches.get(doubt.branchId);
    if (known === undefined) {
      branches.set(doubt.branchId, [doubt]);
    } else {
      known.push(doubt);
    }
  }
  return [...branches.values()].flatMap(([first, ...rivals]) =>
    first === undefined ? [] : [rivals.length === 0 ? first : { ...first, rivals }],
  );
}

/** Tells people which effects have asked under one id; undefined where it is one. */
export function ambiguityOf({ branchId, rivals, ...first }: BranchDoubt): string | undefined {
  if (rivals === undefined) {
    return undefined;
  }
  const names = [first, ...rivals]
    .slice(0, NAMED_COUNT_MAX)
    .map(({ service, action, nonce }) => `${service}.${action} (nonce ${nonce})`);
  return `${rivals.length + 1} effects have asked under the id '${branchId}': ${names.join(', ')}.`;
}

const NAMED_COUNT_MAX = 5;
