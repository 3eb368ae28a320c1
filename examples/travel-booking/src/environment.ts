import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

const httpUrl = z.url({ protocol: /^https?$/u });

const schema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/u }),
  COORDINATOR_URL: httpUrl.default('http://127.0.0.1:7070'),
  /** Of the service's own API. */
  PORT: port,
  /** Where commands of the coordinator and calls of other services are taken. */
  COMMANDS_PORT: port.default(0),
  /** Only for the bookings. */
  INSURANCE_URL: httpUrl.default('http://127.0.0.1:7079'),
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
