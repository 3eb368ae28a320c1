import startPostgres, { stopServer } from '../../tools/jest-postgres.setup.mjs';

/** The broker of this run; unset while there is none of ours. */
let kafka;

/**
 * Jest's global set-up: starts one throw-away Kafka for the whole run beside its PostgreSQL, unless ATONE_TEST_KAFKA names the
 * brokers of one, as in `127.0.0.1:9092`.
 */
// oxlint-disable-next-line import/no-default-export -- what Jest calls
export default async function startServers() {
  // First, as it lets Node read our sources.
  await startPostgres();
  if (process.env.ATONE_TEST_KAFKA) return;
  try {
    const { startThrowawayKafka } = await import('../../libs/embedded-kafka/src/index.ts');
    kafka = await startThrowawayKafka({ log: (line) => process.stderr.write(`${line}\n`) });
    process.env.ATONE_TEST_KAFKA = kafka.brokers.join(',');
  } catch (cause) {
    await stopServers();
    throw cause;
  }
}

/** Ends what `startServers` began. */
export async function stopServers() {
  await kafka?.stop();
  kafka = undefined;
  await stopServer();
}
