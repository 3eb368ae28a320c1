import type { KafkaSendError } from './kafka.error.js';
import type { KafkaClient, OutgoingRecord } from './kafka.port.js';

/** So often records are handed over; each time the client tries for some seconds. */
const ATTEMPT_MAX = 3;

/**
 * Stores records that nobody will send another time, such as dead letters: what no broker took in time is handed over again, and may
 * then be stored twice. It ends, so that what waits behind it has its turn.
 *
 * @throws {KafkaSendError} about those that are not known to be stored in the end
 */
export async function sendWithRetries(
  client: Pick<KafkaClient, 'send'>,
  records: readonly OutgoingRecord[],
): Promise<void> {
  let left = records;
  for (let attempt = 1; left.length > 0; attempt += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      await client.send(left);
      return;
    } catch (error) {
      const { retryable, records: failed = left } = error as Partial<KafkaSendError>;
      if (retryable !== true || attempt === ATTEMPT_MAX) {
        throw error;
      }
      left = failed;
    }
  }
}
