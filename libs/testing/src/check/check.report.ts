import type { CheckFinding, CheckReport } from './participant.check.js';

const SIGNS: Readonly<Record<CheckFinding['verdict'], string>> = { good: '✓', bad: '✗', 'not-checked': '–' };

/** Returns a report for people: a line for each check, and what to change under those that went wrong. */
export function reportLines({ findings, isCounted }: CheckReport): readonly string[] {
  return [
    ...findings.flatMap(linesOf),
    '',
    sumOf(findings),
    ...(isCounted || findings.length === 1 ? [] : [UNCOUNTED]),
  ];
}

/** Said because a service that repeats an effect, or undoes nothing, may well give the right answers. */
const UNCOUNTED = 'Only answers were looked at: effects show where they are counted (--count-url).';

function linesOf({ verdict, name, sent, got, remedy }: CheckFinding): readonly string[] {
  if (verdict === 'not-checked') {
    return [`${SIGNS[verdict]} ${name}: not checked, ${got}`];
  }
  return [
    `${SIGNS[verdict]} ${name}: sent ${sent} → ${got}`,
    ...(remedy === undefined ? [] : [`    ${remedy}`]),
  ];
}

function sumOf(findings: readonly CheckFinding[]): string {
  const count = (verdict: CheckFinding['verdict']): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  return `${count('good')} good, ${count('bad')} bad, ${count('not-checked')} not checked.`;
}
