import { KAFKA_VARIABLES, kafkaFromEnvironment, type KafkaEnvironment } from '@atone/kafka/connect';
import { z } from 'zod';
import { EnvironmentError } from './start.failure.js';

/** The same as the coordinator's; see docs/configuration.md. */
const KAFKA = Object.fromEntries(KAFKA_VARIABLES.map((variable) => [variable, z.string().optional()]));

const port = z.coerce.number().int().min(0).max(65_535);

const httpUrl = z.url({ protocol: /^https?$/u });

const schema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/u }),
  COORDINATOR_URL: httpUrl.default('http://127.0.0.1:7070'),
  /** Of the service's own API. */
  PORT: port,
  /** Where commands of the coordinator and calls of other services are taken, if that is not Kafka. */
  COMMANDS_PORT: port.default(0),
  /** Only for the bookings. */
  INSURANCE_URL: httpUrl.default('http://127.0.0.1:7079'),
  ...KAFKA,
});

/** What a service runs with. */
export interface Environment extends z.infer<typeof schema> {
  /** Commands and calls go over it where there is one, else over HTTP. */
  readonly kafka?: KafkaEnvironment | undefined;
}

/**
 * Returns what the environment says.
 *
 * @throws {EnvironmentError} naming each variable that is missing or wrong.
 * @throws {KafkaVariableError}
 */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const read = schema.safeParse(variables);
  if (read.success) {
    return { ...read.data, kafka: kafkaFromEnvironment(variables) };
  }
  const problems = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new EnvironmentError(`The environment is not complete. ${problems.join('; ')}.`);
}
