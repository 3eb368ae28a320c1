import type { BranchKind } from '@atone/core';
import type { Notice } from '@atone/protocol';

/** That a participant has asked what was decided for a branch. */
export interface BranchDoubt {
  readonly branchId: string;
  readonly service: string;
  readonly action: string;
  readonly kind: BranchKind;
  /** Since when the branch is past its deadline, by the log's clock. */
  readonly since: number;
  /** What keeps the participant from doing what it was told. */
  readonly trouble?: string | undefined;
  /** When it was asked for the last time. */
  readonly askedAt: number;
}

/** A led transaction that this instance has only heard of. */
export interface HearsayEntry {
  readonly gid: string;
  readonly notice: Notice;
  /** When it began, as far as is known here. */
  readonly begunAt: number;
  readonly deadlineAt: number;
  readonly doubts: readonly BranchDoubt[];
}
