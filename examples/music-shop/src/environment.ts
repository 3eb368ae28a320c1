import { KAFKA_VARIABLES, kafkaFromEnvironment, type KafkaEnvironment } from '@atone/kafka/connect';
import { z } from 'zod';
import { EnvironmentError } from './start.failure.js';

/** The same as the coordinator's; see docs/configuration.md. */
const KAFKA = Object.fromEntries(KAFKA_VARIABLES.map((variable) => [variable, z.string().optional()]));

const port = z.coerce.number().int().min(0).max(65_535);

const signingKeys = z
  .string()
  .regex(/^[^:,]+:[^,]{16,}(?:,[^:,]+:[^,]{16,})*$/u, 'must be keyId:secret, with commas between several')
  .transform((list) => list.split(',').map(signingKeyOf));

/** Every variable that a service reads. */
export const environmentSchema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/u }),
  COORDINATOR_URL: z.url({ protocol: /^https?$/u }).default('http://127.0.0.1:7070'),
  /** Only for a coordinator that asks for one. */
  COORDINATOR_TOKEN: z.string().optional(),
  /** Secrets shared with the coordinator, as in its own variable: what it asks is then signed, and so are the answers over Kafka. */
  ATONE_SIGNING_KEYS: signingKeys.optional(),
  /** Where the service's own API listens. It asks nobody who he is. */
  HOST: z.string().default('127.0.0.1'),
  /** Of the service's own API. */
  PORT: port,
  /** Where the coordinator's commands are taken, if that is not Kafka. */
  COMMANDS_PORT: port.default(0),
  ...KAFKA,
});

/** What a service runs with. */
export interface Environment extends z.infer<typeof environmentSchema> {
  /** Commands come over it where there is one, else over HTTP. */
  readonly kafka?: KafkaEnvironment | undefined;
}

/**
 * Returns what the environment says.
 *
 * @throws {EnvironmentError} naming each variable that is missing or wrong.
 * @throws {KafkaVariableError}
 */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const read = environmentSchema.safeParse(variables);
  if (read.success) {
    return { ...read.data, kafka: kafkaFromEnvironment(variables) };
  }
  const problems = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new EnvironmentError(`The environment is not complete. ${problems.join('; ')}.`);
}

function signingKeyOf(text: string): { readonly keyId: string; readonly secret: string } {
  const colon = text.indexOf(':');
  return { keyId: text.slice(0, colon), secret: text.slice(colon + 1) };
}
