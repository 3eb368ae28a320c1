import type { BranchReply } from '@atone/core';
import type { CheckDesk, CheckedBranch, CheckOptions } from './check.desk.js';

/** One thing that a participant must keep. */
export interface Check {
  readonly name: string;
  /** What is sent, in words. */
  readonly sent: string;
  /** Why it cannot be checked, for people; undefined where it can. */
  readonly hindrance?: (options: CheckOptions) => string | undefined;
  /** Whether it is of any concern to such an endpoint. Default: yes. */
  readonly concerns?: (endpoint: CheckOptions['endpoint']) => boolean;
  readonly ask: (desk: CheckDesk, branch: CheckedBranch) => Promise<readonly BranchReply[]>;
  /** How many more effects stand after it. */
  readonly effectCount: 0 | 1;
  readonly isGood: (replies: readonly BranchReply[], kind: CheckOptions['endpoint']['kind']) => boolean;
  /** What the answers leave open, for people, where nobody counts effects; undefined where they say it all. */
  readonly openQuestion?: (replies: readonly BranchReply[]) => string | undefined;
  /** What to change where it is not. */
  readonly remedy: string | ((replies: readonly BranchReply[]) => string);
}

/** Returns why no undo can be checked; undefined where one can. */
export function withoutUndo({ endpoint }: CheckOptions): string | undefined {
  return endpoint.kind === 'plain' && endpoint.compensatePath === undefined
    ? 'give the path of the compensation (--compensate-path)'
    : undefined;
}
