import { backoffMs, type BranchReply, type Random } from '@atone/core';
import { LED_TIMEOUT_MAX_MS, type BranchCommand, type Verdict } from '@atone/protocol';
import type { DoubtfulBranch } from './barrier.doubt.js';
import type { Participant } from './participant.js';

/** Carries out a verdict as it would a command of the coordinator. */
export type VerdictExecutor = Pick<Participant, 'service' | 'execute'>;

/** What became of a branch in doubt. */
export type BranchEnd =
  | { readonly what: 'confirmed' | 'undone' }
  /** Nothing is decided, or nothing was said of it. */
  | { readonly what: 'waiting'; readonly waitMs: number }
  | { readonly what: 'people'; readonly reason: string }
  | { readonly what: 'trouble'; readonly trouble: string };

/** How long to wait until the next question about a branch, where the coordinator does not say. */
const ASK_AGAIN = {
  initialMs: 1_000,
  capMs: 300_000,
  attemptCountMax: 0,
  undoAttemptCountMax: 0,
  replyTimeoutMs: 0,
};

/** What only a person can know may take its time; but who resolves it has to wait until each branch has asked. */
const PEOPLE_PAUSE_MS = 600_000;

const TROUBLE_LENGTH_MAX = 1_000;

/** Does with a branch what was said of it: nothing, unless it was to confirm or to undo it. Never rejects. */
export async function endBranch(
  participant: VerdictExecutor,
  branch: DoubtfulBranch,
  verdict: Verdict | undefined,
): Promise<BranchEnd> {
  switch (verdict?.verdict) {
    case 'confirm':
      return endOf(await participant.execute(commandOf(branch, 'confirm')));
    case 'undo':
      return endOf(
        await participant.execute({ ...commandOf(branch, 'compensate'), ...ownOf(branch, verdict) }),
      );
    case 'ask-people':
      return { what: 'people', reason: verdict.reason ?? 'the coordinator gave no reason' };
    case 'wait':
      return { what: 'waiting', waitMs: Math.min(verdict.waitMs ?? 0, LED_TIMEOUT_MAX_MS) };
    case undefined:
      return { what: 'waiting', waitMs: 0 };
  }
}

/** Returns how long to wait before question number `askCount`: at least as long as the coordinator says. */
export function pauseBefore(askCount: number, end: BranchEnd, random: Random): number {
  if (end.what === 'people') {
    return PEOPLE_PAUSE_MS * (0.5 + random.next());
  }
  const jitterMs = backoffMs(askCount, ASK_AGAIN, random);
  return end.what === 'waiting' ? end.waitMs + jitterMs : jitterMs;
}

/**
 * Of round 1, as the first command of the coordinator is, which may come at the same time: both get the one answer. A no
 * that is stored for that round stands until an operator tells the coordinator to begin a later one; but see `ownOf`.
 */
function commandOf({ doubt, askCount }: DoubtfulBranch, op: 'confirm' | 'compensate'): BranchCommand {
  const { gid, branchId, service, action, nonce, secretHash, epoch, initiator } = doubt;
  return {
    gid,
    branchId,
    op,
    round: 1,
    attempt: askCount + 1,
    service,
    action,
    nonce,
    led: { secretHash, epoch, initiator },
    issuedAt: 0,
  };
}

/** Of a straggler no coordinator will ever begin a later round: a no to its undo would stand for ever. */
function ownOf(
  { refusedRound }: DoubtfulBranch,
  { reason, isStraggler = false }: Verdict,
): Partial<Pick<BranchCommand, 'reason' | 'round'>> {
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(isStraggler ? { round: refusedRound + 1 } : {}),
  };
}

function endOf(reply: BranchReply): BranchEnd {
  switch (reply.outcome) {
    case 'confirmed':
    case 'undone':
      return { what: reply.outcome };
    case 'refused':
      return trouble(`refused: ${reply.refusal.reason}`);
    case 'lost':
      return trouble(reply.message);
    case 'unknown':
      return trouble(`${reply.error.class}: ${reply.error.message}`);
    case 'already-undone':
      return trouble('It was to be confirmed, and has been undone.');
    case 'done':
    case 'closed':
    case 'not-yet':
      return trouble(`The participant answered '${reply.outcome}'.`);
  }
}

function trouble(what: string): BranchEnd {
  // A text of PostgreSQL cannot hold the character 0.
  return { what: 'trouble', trouble: what.replaceAll('\0', '\uFFFD').slice(0, TROUBLE_LENGTH_MAX) };
}
