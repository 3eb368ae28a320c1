import type { Json } from './json.js';

/** How a branch is ended: `saga` by its compensation, or by nothing; `tcc` by its cancel, or by its confirm. */
export type BranchKind = 'saga' | 'tcc';

/** A branch as its initiator, or its participant, tells of it. */
export interface LedBranch {
  readonly branchId: string;
  readonly service: string;
  readonly action: string;
  readonly kind: BranchKind;
  /** Drawn by the participant when its barrier first wrote the row. Absent where there is no barrier, or nobody told it. */
  readonly nonce?: string | undefined;
  /** The SHA-256 of the action's input in canonical JSON. */
  readonly inputHash?: string | undefined;
  /** Whether its service is known to keep a barrier, although no nonce is told. */
  readonly hasBarrier?: boolean | undefined;
  /** What its end is told where no barrier remembers it. */
  readonly input?: Json | undefined;
  readonly output?: Json | undefined;
}

/** How many branches were registered below one run, instead of being listed. */
export interface RegisteredBelow {
  /** What their ids begin with, such as `2~k7.`. */
  readonly prefix: string;
  readonly count: number;
}

/** What a participant's answer tells of the branch that it stored, and of those below it. */
export interface Enlistment {
  readonly kind: BranchKind;
  readonly nonce: string;
  readonly inputHash: string;
  readonly below?: readonly LedBranch[] | undefined;
  readonly registered?: readonly RegisteredBelow[] | undefined;
}

/** What an initiator decides. */
export interface Decision {
  readonly to: 'commit' | 'abort';
  /** The hash of the secret that came with it. */
  readonly secretHash: string;
  /** The branches whose call, and every call above it, returned normally, in the order in which they did. */
  readonly branches: readonly LedBranch[];
  /** Those that stand for themselves on no list, but were registered. */
  readonly registered: readonly RegisteredBelow[];
  /** The branches whose call threw, as far as the initiator knows them: they are undone, whatever is decided. */
  readonly thrown: readonly LedBranch[];
  /** Why it aborts, for people. */
  readonly message?: string | undefined;
  /** The operator who decides, where it is not the initiator. */
  readonly by?: string | undefined;
}

/** What a person decides of a transaction that its log cannot judge any more. */
export interface Resolution {
  readonly to: 'commit' | 'abort';
  /** The branches that participants are in doubt about. */
  readonly inDoubt: readonly LedBranch[];
  /** The branches that a commit confirms; the others are undone. An abort undoes them all. */
  readonly kept: readonly string[];
  /** Others of which its initiator has told. Nothing is brought to them, which may have ended already; they are kept in mind. */
  readonly heardOf?: readonly Pick<LedBranch, 'branchId' | 'service' | 'action'>[] | undefined;
}

/** What a plan holds of a led transaction. */
export interface LedFacts {
  /** The SHA-256 of the initiator's secret. */
  readonly secretHash: string;
  /** The life of the log in which it began. */
  readonly epoch: number;
}

/** What a step of a led transaction is about. */
export interface LedStep {
  readonly kind: BranchKind;
  readonly nonce?: string | undefined;
  readonly inputHash?: string | undefined;
  /** Whether it shares the fate of the whole, or is undone in any case. */
  readonly goal: 'follow' | 'undo';
}
