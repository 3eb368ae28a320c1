import { KAFKA_LIBRARIES } from '@atone/kafka/connect';
import { z } from 'zod';

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
  /** The brokers of Kafka, as in `kafka-1:9092,kafka-2:9092`. Commands and calls go over it where this is set, else over HTTP. */
  ATONE_KAFKA_BROKERS: z
    .string()
    .min(1)
    .transform((list) => list.split(','))
    .optional(),
  ATONE_KAFKA_CLIENT: z.enum(KAFKA_LIBRARIES).optional(),
  /** What the names of topics begin with, if not `atone`: the same as the coordinator's. */
  ATONE_KAFKA_PREFIX: z.string().min(1).optional(),
  /** Of the service's topics, should they have to be created. More of them let more instances work. */
  ATONE_KAFKA_PARTITIONS: z.coerce.number().int().min(1).optional(),
});

/** What a service runs with. */
export type Environment = z.infer<typeof schema>;

/**
 * Returns what the environment says.
 *
 * @throws Error naming each variable that is missing or wrong.
 */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const read = schema.safeParse(variables);
  if (read.success) {
    return read.data;
  }
  const problems = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`The environment is not complete. ${problems.join('; ')}.`);
}
