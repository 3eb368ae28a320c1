import type { BranchReply } from '@atone/core';
import { CheckDesk, type CheckOptions } from './check.desk.js';
import { CHECKS } from './check.list.js';
import type { Check } from './check.shape.js';

/** What came of one check. */
export interface CheckFinding {
  readonly name: string;
  readonly verdict: 'good' | 'bad' | 'not-checked';
  /** What was sent, in words. */
  readonly sent: string;
  /** What came back, in words; or why it was not checked. */
  readonly got: string;
  /** What to change; only where it is bad. */
  readonly remedy?: string | undefined;
}

export interface CheckReport {
  readonly findings: readonly CheckFinding[];
  /** Whether nothing is bad. */
  readonly isGood: boolean;
  /** Whether effects were counted. Else only the answers were looked at. */
  readonly isCounted: boolean;
}

/**
 * Sends a participant, in whatever language, what a coordinator sends in bad times: repeats, empty undos, late actions. It
 * leaves a few effects behind, so it is for endpoints of a test.
 *
 * @throws EffectCountError when `countEffects` fails: then nothing can be said.
 */
export async function checkParticipant(options: CheckOptions): Promise<CheckReport> {
  const desk = new CheckDesk(options);
  try {
    const findings = await findingsAt(desk);
    return {
      findings,
      isGood: findings.every(({ verdict }) => verdict !== 'bad'),
      isCounted: options.countEffects !== undefined,
    };
  } finally {
    await desk.close();
  }
}

async function findingsAt(desk: CheckDesk): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  const { endpoint } = desk.options;
  for (const check of CHECKS.filter(({ concerns }) => concerns?.(endpoint) ?? true)) {
    // oxlint-disable-next-line no-await-in-loop -- effects are counted, so one check after the other.
    const finding = await findingOf(check, desk);
    findings.push(finding);
    if (check === CHECKS[0] && finding.verdict === 'bad') {
      break;
    }
  }
  return findings;
}

async function findingOf(check: Check, desk: CheckDesk): Promise<CheckFinding> {
  const { name, sent } = check;
  const hindrance = check.hindrance?.(desk.options);
  if (hindrance !== undefined) {
    return { name, sent, verdict: 'not-checked', got: hindrance };
  }
  const { replies, effectCount } = await desk.effectsOf(() => check.ask(desk, desk.newBranch()));
  const wrongCount = effectCount !== undefined && effectCount !== check.effectCount ? effectCount : undefined;
  const words = replies.map(describeReply).join('; ');
  const got = wrongCount === undefined ? words : `${words}; ${effectsOf(wrongCount, check.effectCount)}`;
  if (wrongCount !== undefined || !check.isGood(replies, desk.options.endpoint.kind)) {
    return { name, sent, verdict: 'bad', got, remedy: remedyOf(check, replies) };
  }
  const open = effectCount === undefined ? check.openQuestion?.(replies) : undefined;
  return open === undefined
    ? { name, sent, verdict: 'good', got }
    : { name, sent, verdict: 'not-checked', got: open };
}

function remedyOf({ remedy }: Check, replies: readonly BranchReply[]): string {
  return typeof remedy === 'string' ? remedy : remedy(replies);
}

function effectsOf(count: number, due: number): string {
  return `${count} ${Math.abs(count) === 1 ? 'effect stands' : 'effects stand'} instead of ${due}`;
}

/** Returns a reply as people say it. */
function describeReply(reply: BranchReply): string {
  switch (reply.outcome) {
    case 'done':
      return `done ${clipped(JSON.stringify(reply.output))}`;
    case 'refused':
      return `refused: ${clipped(reply.refusal.reason)}`;
    case 'undone':
      return reply.wasEmpty ? 'undone, was empty' : 'undone';
    case 'not-yet':
      return 'not yet';
    case 'unknown':
      return `unknown, ${reply.error.class}: ${reply.error.message.replace(/\.$/u, '')}`;
    case 'lost':
      return `lost: ${clipped(reply.message)}`;
    case 'already-undone':
    case 'confirmed':
    case 'closed':
      return reply.outcome;
  }
}

function clipped(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
