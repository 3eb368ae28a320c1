import { similarName } from '@atone/core';
import type { SigningKey } from '@atone/protocol';
import { z } from 'zod';
import { durationSchema } from './duration.js';
import { readKafka, type KafkaConfiguration } from './kafka.configuration.js';
import { KAFKA_VARIABLES } from './kafka.variables.js';
import { StartError } from './start.error.js';
import { flag, wholeNumber } from './variable.schemas.js';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** What all variables have in common, so that it says nothing about how similar two of them are. */
const PREFIX = 'ATONE_';

const signingKeys = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}:[^,]{16,}(,[A-Za-z0-9._-]{1,64}:[^,]{16,})*$/u, {
    error:
      'must be keyId:secret, or several of them with commas between, each secret of at least 16 characters',
  })
  .transform((text) => text.split(',').map(signingKeyOf));

/**
 * Every variable that the coordinator reads, with what it means and what it is without a value.
 *
 * `docs/configuration.md` holds the same list, and a test compares the two.
 */
export const environmentSchema = z.object({
  ATONE_DATABASE_URL: z
    .string({ error: 'is required: the URL of the PostgreSQL database that holds the log' })
    .regex(/^postgres(?:ql)?:\/\//u, 'must start with postgres:// or postgresql://')
    .meta({ description: 'The PostgreSQL database that holds the log, as a URL. Required.' }),
  ATONE_HTTP_HOST: z.string().default('127.0.0.1').meta({
    description: 'The address to listen at. Anything but a loopback address needs `ATONE_API_TOKEN`.',
  }),
  ATONE_HTTP_PORT: z
    .string()
    .regex(/^\d{1,5}$/u, 'must be a port number')
    .transform(Number)
    .refine((port) => port <= 65_535, 'must be a port number')
    .prefault('7070')
    .meta({ description: 'The port to listen at; `0` takes any that is free.' }),
  ATONE_API_TOKEN: z.string().min(16, 'must have at least 16 characters').optional().meta({
    description:
      'What callers must present as `authorization: Bearer <token>`. At least 16 characters. Without it there is no check, which only a loopback address allows.',
  }),
  ATONE_SIGNING_KEYS: signingKeys.optional().meta({
    description:
      'Secrets shared with the participants, as `keyId:secret` with commas between. The first signs each command; without any, commands are not signed.',
  }),
  ATONE_ACCEPT_LOSS: flag().prefault('false').meta({
    description:
      '`true` starts on a PostgreSQL with `fsync=off` or `synchronous_commit=off`, which can lose what was confirmed.',
  }),
  ATONE_DATABASE_WAIT: durationSchema({ min: '0s', max: '10m' }).prefault('30s').meta({
    description: 'How long the start keeps trying to reach the database before it gives up.',
  }),
  ATONE_DATABASE_POOL_SIZE: wholeNumber(1, 100).prefault('4').meta({
    description: 'How many connections drive transactions. Three more serve those who look.',
  }),
  ATONE_LOG_LEVEL: z
    .enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` })
    .default('info')
    .meta({ description: `The least severe lines that are written: ${LOG_LEVELS.join(', ')}.` }),
  ATONE_ACTIVE_COUNT_MAX: wholeNumber(1, 1_000_000).prefault('20000').meta({
    description:
      'How many transactions this coordinator holds at once. Past it new ones are refused with 503.',
  }),
  ATONE_DEFAULT_TIMEOUT: durationSchema({ min: '1ms', max: '720h' }).prefault('10m').meta({
    description: 'The deadline of transactions that are submitted without one.',
  }),
  ATONE_LED_MEMORY: durationSchema({ min: '24h', max: '8760h' }).prefault('168h').meta({
    description:
      'For how long after its beginning a led transaction can be decided. Rows of the log must be kept for longer: a gid whose row is gone must never be decided again.',
  }),
  ...KAFKA_VARIABLES,
  ATONE_TEST: z
    .literal('1', { error: 'must be 1 or absent' })
    .optional()
    .meta({ description: 'Only for tests of the coordinator: `1` allows `ATONE_FAILPOINTS`.' }),
  ATONE_FAILPOINTS: z
    .string()
    .optional()
    .meta({ description: 'Only for tests of the coordinator: where the process kills itself or pauses.' }),
});

/** What the coordinator runs with, read once and checked. */
export interface Configuration {
  readonly databaseUrl: string;
  readonly databaseWaitMs: number;
  readonly databasePoolSize: number;
  readonly acceptLoss: boolean;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly apiToken?: string | undefined;
  readonly signingKeys: readonly SigningKey[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly activeCountMax: number;
  readonly defaultTimeoutMs: number;
  readonly ledMemoryMs: number;
  /** Undefined: participants are reached over HTTP alone. */
  readonly kafka?: KafkaConfiguration | undefined;
  readonly failpoints?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the configuration that `environment` describes. A variable that is empty counts as unset.
 *
 * @throws {StartError} naming each variable that is wrong, never the value of a secret.
 */
export function readConfiguration(environment: Environment): Configuration {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = environmentSchema.safeParse(given);
  if (!result.success) {
    throw new StartError(`${result.error.issues.map(sentenceOf).join('; ')}.`);
  }
  const values = result.data;
  checkReach(values.ATONE_HTTP_HOST, values.ATONE_API_TOKEN);
  if (values.ATONE_FAILPOINTS !== undefined && values.ATONE_TEST !== '1') {
    throw new StartError('ATONE_FAILPOINTS makes the coordinator fail on purpose and needs ATONE_TEST=1.');
  }
  return {
    databaseUrl: values.ATONE_DATABASE_URL,
    databaseWaitMs: values.ATONE_DATABASE_WAIT,
    databasePoolSize: values.ATONE_DATABASE_POOL_SIZE,
    acceptLoss: values.ATONE_ACCEPT_LOSS,
    httpHost: values.ATONE_HTTP_HOST,
    httpPort: values.ATONE_HTTP_PORT,
    apiToken: values.ATONE_API_TOKEN,
    signingKeys: values.ATONE_SIGNING_KEYS ?? [],
    logLevel: values.ATONE_LOG_LEVEL,
    activeCountMax: values.ATONE_ACTIVE_COUNT_MAX,
    defaultTimeoutMs: values.ATONE_DEFAULT_TIMEOUT,
    ledMemoryMs: values.ATONE_LED_MEMORY,
    kafka: readKafka(values, given),
    failpoints: values.ATONE_FAILPOINTS,
  };
}

/** Returns a sentence for each ATONE_* variable that the coordinator does not read, so that a misspelt one is seen. */
export function unknownVariables(environment: Environment): readonly string[] {
  const known = Object.keys(environmentSchema.shape);
  const bare = known.map((name) => name.slice(PREFIX.length));
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !name.startsWith('ATONE_TEST_') && !known.includes(name))
    .map((name) => {
      const similar = similarName(name.slice(PREFIX.length), bare);
      const hint = similar === undefined ? '' : `; the nearest one is ${PREFIX}${similar}`;
      return `${name} is not read by the coordinator${hint}.`;
    });
}

/** A coordinator that others can reach moves money for them: there is no default token, and no start without one. */
function checkReach(host: string, token: string | undefined): void {
  const isLoopback = host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/u.test(host);
  if (!isLoopback && token === undefined) {
    throw new StartError(
      `ATONE_API_TOKEN is required, because others can reach ${host} (ATONE_HTTP_HOST): set one of at least 16 characters, or listen at 127.0.0.1.`,
    );
  }
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  return `${String(issue.path[0])} ${issue.message}`;
}

function signingKeyOf(text: string): SigningKey {
  const colon = text.indexOf(':');
  return { keyId: text.slice(0, colon), secret: text.slice(colon + 1) };
}
