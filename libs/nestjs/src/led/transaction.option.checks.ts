import { durationMs, MisuseError, suggestion, type Duration, type Propagation } from '@atone/participant';
import { LED_TIMEOUT_MAX_MS, nameSchema, tagsSchema } from '@atone/protocol';
import type { GlobalTransactionOptions } from './global-transaction.decorator.js';

/** Returns what is wrong with a value, or undefined for nothing. */
type Check = (value: unknown) => string | undefined;

const PROPAGATIONS: Readonly<Record<Propagation, true>> = {
  REQUIRED: true,
  REQUIRES_NEW: true,
  NESTED: true,
  SUPPORTS: true,
  MANDATORY: true,
  NOT_SUPPORTED: true,
  NEVER: true,
};

/** Names each option, so that a new one does not compile until it is checked. */
const CHECKS: Readonly<Record<keyof GlobalTransactionOptions, Check>> = {
  name: nameProblem,
  timeout: (value) => durationProblem(value, { minMs: 1, maxMs: LED_TIMEOUT_MAX_MS }),
  propagation: oneOf(Object.keys(PROPAGATIONS)),
  abortOn: functionProblem,
  commitOn: functionProblem,
  tags: tagsProblem,
  lane: nameProblem,
  wait: oneOf(['decided', 'confirmed']),
  waitTimeout: (value) => durationProblem(value, { minMs: 0, maxMs: LED_TIMEOUT_MAX_MS }),
};

/** @throws MisuseError for options that could only fail later, or are none: types may have been silenced, or come from outside. */
export function refuseBadOptions(place: string, options: GlobalTransactionOptions<never>): void {
  for (const [name, value] of Object.entries(options)) {
    const problem = problemOf(name, value);
    if (problem !== undefined) {
      throw new MisuseError(`The options of @GlobalTransaction on ${place} cannot work: ${problem}.`);
    }
  }
}

function problemOf(name: string, value: unknown): string | undefined {
  const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof typeof CHECKS] : undefined;
  if (check === undefined) {
    return `there is no option '${name}'. ${suggestion(name, Object.keys(CHECKS))}`;
  }
  const problem = value === undefined ? undefined : check(value);
  return problem && `\`${name}\` ${problem}`;
}

function oneOf(words: readonly string[]): Check {
  return (value) =>
    typeof value === 'string' && words.includes(value)
      ? undefined
      : `says ${shown(value)}. ${suggestion(String(value), words)}`;
}

function nameProblem(value: unknown): string | undefined {
  const { error } = nameSchema.safeParse(value);
  return error && `is ${shown(value)}, and ${error.issues[0]?.message}`;
}

function durationProblem(
  value: unknown,
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
): string | undefined {
  try {
    const ms = durationMs(value as Duration);
    if (ms >= minMs && ms <= maxMs) {
      return undefined;
    }
    const cure = ms > maxMs ? '. What takes longer is a saga' : '';
    return `is ${ms} ms, and must be between ${minMs} and ${maxMs}${cure}`;
  } catch {
    return `is ${shown(value)}. Write milliseconds, or '500ms', '30s', '5m', '1h'`;
  }
}

function functionProblem(value: unknown): string | undefined {
  return typeof value === 'function' ? undefined : `is ${shown(value)}, and must be a function`;
}

function tagsProblem(value: unknown): string | undefined {
  const { error } = tagsSchema.safeParse(value);
  return (
    error &&
    `cannot be kept: ${error.issues.map(({ path, message }) => [...path, message].join(' ')).join('; ')}`
  );
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : typeof value;
}
