import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Json } from '@atone/core';
import { EffectCountError, type CheckedEndpoint, type CheckOptions } from './check.desk.js';
import { reportLines } from './check.report.js';
import { checkParticipant } from './participant.check.js';

export const USAGE = `Checks that a participant keeps what Atone relies on: repeats, empty undos, late actions.

With a barrier (one endpoint for batches of commands):
  atone-participant-check --url http://127.0.0.1:9101 --service stock --action reserve --input '{"sku":"a-1"}'

Plain (two URLs for each action):
  atone-participant-check --url http://127.0.0.1:8080 --path /reservations --compensate-path /reservations/cancel \\
    --input '{"sku":"a-1"}'

  --url <url>              where the participant listens: its baseUrl in the catalogue
  --service, --action      what is asked for, by the names of the catalogue
  --path                   where a plain endpoint takes the action
  --compensate-path        where it takes the compensation, or the cancel of a try
  --confirm-path           where it takes the confirm of a try
  --led                    with a barrier: it takes part in led transactions, so confirm it too
  --input <json>           an input that is accepted, however often it comes. Default: null
  --other-input <json>     another one, to send under the key of the first
  --refused-input <json>   one that is refused for business reasons
  --signing-key <id:secret>
                           the secret shared with the coordinator, if there is one. Default: the first in
                           ATONE_SIGNING_KEYS, as the coordinator has it
  --count-url <url>        answers how many effects stand: a number, or {"count": <number>}
  --timeout <ms>           how long an answer is waited for. Default: 10000

  JSON may be @file. It leaves effects behind: use an endpoint and a database for tests.
  Ends with 0 if all that was checked is good, with 1 if not, with 2 if it could not be checked: an option
  is wrong, or effects cannot be counted.
`;

/** Where the program writes, and what its environment holds. */
export interface ProgramPorts {
  readonly write: (line: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Runs the program, and returns its exit code. */
export async function runCheck(args: readonly string[], ports: ProgramPorts): Promise<0 | 1 | 2> {
  if (args.length === 0 || args.includes('--help')) {
    ports.write(USAGE);
    return args.length === 0 ? 2 : 0;
  }
  let options: CheckOptions;
  try {
    options = readOptions(args, ports.environment);
  } catch (error) {
    ports.write(`${error instanceof Error ? error.message : String(error)} See --help.`);
    return 2;
  }
  try {
    const report = await checkParticipant(options);
    for (const line of reportLines(report)) {
      ports.write(line);
    }
    return report.isGood ? 0 : 1;
  } catch (error) {
    if (error instanceof EffectCountError) {
      ports.write(`${error.message} Check --count-url.`);
      return 2;
    }
    throw error;
  }
}

/** @throws Error with what is missing or wrong. */
function readOptions(args: readonly string[], environment: ProgramPorts['environment']): CheckOptions {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  const timeoutMs = Number(values.timeout ?? 10_000);
  if (!(timeoutMs > 0)) {
    throw new Error(`--timeout ${String(values.timeout)} is no number of ms.`);
  }
  return {
    endpoint: endpointOf(values),
    input: jsonOf('input', values.input) ?? null,
    otherInput: jsonOf('other-input', values['other-input']),
    refusedInput: jsonOf('refused-input', values['refused-input']),
    signingKey: keyOf(values['signing-key'] ?? environment['ATONE_SIGNING_KEYS']?.split(',')[0]),
    countEffects: counterAt(values['count-url']),
    timeoutMs,
  };
}

const TEXT = { type: 'string' } as const;

const OPTIONS = {
  url: TEXT,
  service: TEXT,
  action: TEXT,
  path: TEXT,
  'compensate-path': TEXT,
  'confirm-path': TEXT,
  led: { type: 'boolean' },
  input: TEXT,
  'other-input': TEXT,
  'refused-input': TEXT,
  'signing-key': TEXT,
  'count-url': TEXT,
  timeout: TEXT,
} as const;

type Values = { readonly [Name in Exclude<keyof typeof OPTIONS, 'led'>]?: string | undefined } & {
  readonly led?: boolean | undefined;
};

function endpointOf({
  url,
  service,
  action,
  path,
  'compensate-path': compensatePath,
  'confirm-path': confirmPath,
  led: isLed,
}: Values): CheckedEndpoint {
  if (url === undefined || !URL.canParse(url) || !/^https?:$/u.test(new URL(url).protocol)) {
    throw new Error('--url must be an http(s) URL.');
  }
  if (path !== undefined) {
    return { kind: 'plain', url, path, compensatePath, confirmPath };
  }
  if (service === undefined || action === undefined) {
    throw new Error('--service and --action are needed, or --path for a plain endpoint.');
  }
  return { kind: 'library', url, service, action, isLed };
}

function keyOf(text: string | undefined): CheckOptions['signingKey'] {
  if (text === undefined || text === '') {
    return undefined;
  }
  const [, keyId = '', secret = ''] = /^([^:]+):(.+)$/u.exec(text.trim()) ?? [];
  if (secret === '') {
    throw new Error('--signing-key must be keyId:secret.');
  }
  return { keyId, secret };
}

function jsonOf(name: string, value: string | undefined): Json | undefined {
  if (value === undefined) {
    return undefined;
  }
  const text = value.startsWith('@') ? readFileSync(value.slice(1), 'utf8') : value;
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new Error(`--${name} is not JSON.`, { cause });
  }
}

function counterAt(url: string | undefined): CheckOptions['countEffects'] {
  if (url === undefined) {
    return undefined;
  }
  return async () => {
    const response = await fetch(url);
    const body: unknown = await response.json();
    const count: unknown = typeof body === 'object' && body !== null && 'count' in body ? body.count : body;
    if (!response.ok || typeof count !== 'number') {
      throw new Error(`${url} answered ${response.status}, and no number.`);
    }
    return count;
  };
}
