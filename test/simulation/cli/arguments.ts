import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { nearestName } from '@atone/core';

/** What `npm run simulate` is asked for. */
export interface Arguments {
  /** One seed, with its trace. */
  readonly seed?: number | undefined;
  /** The file of one plan, with its trace. */
  readonly plan?: string | undefined;
  /** The first of many seeds. */
  readonly from: number;
  readonly runCount: number;
  readonly forMinutes?: number | undefined;
  readonly bug?: string | undefined;
  readonly workerCount: number;
  readonly shrinks: boolean;
  /** Where the trace of one seed or plan goes; to the standard output without it. */
  readonly trace?: string | undefined;
  /** The folder for the plans of seeds that fail. */
  readonly out: string;
}

/** Somebody asked for something that there is not. The message says what there is. */
export class ArgumentsError extends Error {
  override readonly name = 'ArgumentsError';
}

export const USAGE = `Usage: npm run simulate -- [options]

  --seed N       one seed, with its whole trace
  --plan FILE    one plan that was kept, with its whole trace
  --trace FILE   where that trace goes (default: here)
  --runs N       so many seeds (default 1000)
  --from N       the first of them (default 1)
  --minutes N    as many seeds as can be run in that time
  --workers N    so many processes (default: one for each core)
  --bug NAME     with a planted bug; ends with the first seed that shows it
  --no-shrink    do not look for the smallest plan that fails; a --plan is made smaller with --shrink
  --out FOLDER   where the plans of failing seeds are kept (default simulation-failures)
`;

const OPTIONS = {
  seed: { type: 'string' },
  plan: { type: 'string' },
  trace: { type: 'string' },
  runs: { type: 'string' },
  from: { type: 'string' },
  minutes: { type: 'string' },
  workers: { type: 'string' },
  bug: { type: 'string' },
  shrink: { type: 'boolean' },
  out: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/**
 * Reads the command line; undefined means that somebody wants to read the usage.
 *
 * @throws ArgumentsError
 */
export function readArguments(args: readonly string[], bugs: readonly string[]): Arguments | undefined {
  refuseUnknown(args);
  const values = parse(args);
  if (values.help === true) {
    return undefined;
  }
  refuseContradiction(values);
  if (values.bug !== undefined && !bugs.includes(values.bug)) {
    const near = nearestName(values.bug, bugs);
    throw new ArgumentsError(`There is no planted bug ${values.bug}. The nearest is ${near}.`);
  }
  return {
    seed: wholeNumber('seed', values.seed),
    plan: values.plan,
    trace: values.trace,
    from: wholeNumber('from', values.from) ?? 1,
    runCount:
      wholeNumber('runs', values.runs) ?? (values.minutes === undefined ? 1_000 : Number.MAX_SAFE_INTEGER),
    forMinutes: positiveNumber('minutes', values.minutes),
    bug: values.bug,
    workerCount: workerCount(values.workers),
    shrinks: values.shrink ?? values.plan === undefined,
    out: values.out ?? 'simulation-failures',
  };
}

function parse(args: readonly string[]): ReturnType<typeof parseStrictly>['values'] {
  try {
    return parseStrictly(args).values;
  } catch (error) {
    const [sentence] = (error as Error).message.split('\n');
    throw new ArgumentsError(sentence, { cause: error });
  }
}

// oxlint-disable-next-line typescript/explicit-function-return-type -- what comes back is derived from OPTIONS.
function parseStrictly(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowNegative: true });
}

function refuseUnknown(args: readonly string[]): void {
  const names = [...Object.keys(OPTIONS), 'no-shrink'];
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') {
      throw new ArgumentsError(`Nothing is known about '${token.value}'; options begin with --.`);
    }
    if (token.kind === 'option' && !names.includes(token.name)) {
      throw new ArgumentsError(
        `There is no option ${token.rawName}. The nearest is --${nearestName(token.name, names)}.`,
      );
    }
    const isShort = token.kind === 'option' && takesValue(token.name) && token.value === undefined;
    if (isShort) {
      throw new ArgumentsError(`--${token.name} needs a value.`);
    }
  }
}

function takesValue(name: string): boolean {
  return (OPTIONS as Readonly<Record<string, { type: string }>>)[name]?.type === 'string';
}

function refuseContradiction(values: Readonly<Record<string, unknown>>): void {
  const given = ['seed', 'plan', 'runs', 'minutes', 'from'].filter((name) => values[name] !== undefined);
  const alone = given.find((name) => name === 'seed' || name === 'plan');
  const other = given.find((name) => name !== alone);
  if (alone !== undefined && other !== undefined) {
    throw new ArgumentsError(`--${alone} runs one and no other; --${other} does not go with it.`);
  }
  if (alone === undefined && values['trace'] !== undefined) {
    throw new ArgumentsError('--trace is for a single --seed or --plan.');
  }
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text !== undefined && !/^\d{1,15}$/u.test(text)) {
    throw new ArgumentsError(`--${name} takes a whole number, and '${text}' is none.`);
  }
  return text === undefined ? undefined : Number(text);
}

function workerCount(text: string | undefined): number {
  const count = wholeNumber('workers', text) ?? availableParallelism();
  if (count === 0) {
    throw new ArgumentsError('--workers takes a whole number from 1, and 0 is none.');
  }
  return count;
}

function positiveNumber(name: string, text: string | undefined): number | undefined {
  const number = Number(text);
  if (text !== undefined && !(number > 0 && Number.isFinite(number))) {
    throw new ArgumentsError(`--${name} takes a number above 0, and '${text}' is none.`);
  }
  return text === undefined ? undefined : number;
}
