/** A run after which something is wrong. */
export interface CrashPointFailure {
  readonly point: string;
  readonly error: unknown;
  /** What happened to each of its transactions, under its name, a line each. */
  readonly histories: readonly string[];
}

export interface Findings {
  readonly failures: readonly CrashPointFailure[];
  /** Whether the last failure left such a mess that the points behind it were not tried. */
  readonly isCutShort: boolean;
}

/** Something is wrong after some of the runs. */
export class CrashPointsError extends Error {
  override readonly name = 'CrashPointsError';
  readonly failures: readonly CrashPointFailure[];
  /** Whether the last failure left such a mess that the points behind it were not tried. */
  readonly isCutShort: boolean;

  constructor(
    { failures, isCutShort }: Findings,
    readonly runCount: number,
  ) {
    const [first] = failures;
    super(
      [
        `Something is wrong after ${failures.length} of ${runCount} runs:`,
        failures.flatMap(linesOf).join('\n'),
        ...(isCutShort ? [SPOILT] : []),
        ...whatHappened(`What happened when ${first?.point}:`, first?.histories),
        `To repeat one alone: everyCrashPoint(run, invariant, { only: ${JSON.stringify(first?.point)} })`,
      ].join('\n\n'),
    );
    this.failures = failures;
    this.isCutShort = isCutShort;
    pointTo(this, first?.error);
  }
}

const SPOILT =
  'After it something is wrong even where nothing happens, so the other points were not tried. Begin each run with clean data, in `before`, or have the invariant look only at what belongs to the run.';

/** Returns the error of a test which is wrong before anything happens. */
export function wrongFromTheStart({ error, histories }: Omit<CrashPointFailure, 'point'>): Error {
  const wrong = new Error(
    [
      'Something is wrong even where nothing crashes and nothing gets lost, so no point was tried:',
      indented(messageOf(error)),
      ...whatHappened('What happened:', histories),
    ].join('\n\n'),
  );
  pointTo(wrong, error);
  return wrong;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What is wrong in the same words at several points in a row is told under the last of them. */
function linesOf(
  { point, error }: CrashPointFailure,
  at: number,
  all: readonly CrashPointFailure[],
): string[] {
  const next = all[at + 1];
  const text = messageOf(error);
  return [`- ${point}`, ...(next !== undefined && messageOf(next.error) === text ? [] : [indented(text)])];
}

function whatHappened(title: string, histories: readonly string[] = []): readonly string[] {
  return histories.length === 0 ? [] : [title, histories.map(indented).join('\n')];
}

/**
 * Has the stack of `error` lead to where `origin` was thrown, for it is there that people look. Not by a cause: test
 * runners would tell its message once more.
 */
function pointTo(error: Error, origin: unknown): void {
  const frames = origin instanceof Error ? origin.stack?.match(/^ +at .+$/gmu) : undefined;
  if (frames) {
    error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n');
  }
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gmu, '    ');
}
