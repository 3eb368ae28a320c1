import { isIP } from 'node:net';
import type { BaseOptions, SASLMechanismValue } from '@platformatic/kafka';
import type { KafkaConnection } from '../kafka.port.js';
import { CONNECT_TIMEOUT_MS } from '../limits.js';

const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const satisfies Record<string, SASLMechanismValue>;

/** Some tries within the time that a caller waits. */
const RETRY_COUNT = 6;

/** Returns how the library is told about the brokers. */
export function platformaticConfig({ brokers, clientId, tls, sasl }: KafkaConnection): BaseOptions {
  return {
    bootstrapBrokers: [...brokers],
    clientId,
    ...(tls === undefined || tls === false
      ? {}
      : { tls: tls === true ? {} : tls, tlsServerName: !brokers.some(isAddress) }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, mechanism: MECHANISMS[sasl.mechanism] } }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    autocreateTopics: false,
    retries: RETRY_COUNT,
    retryDelay: (_client, _operation, attempt) => Math.min(500, 25 * 2 ** attempt),
  };
}

/** Whether a broker is named by its address, which TLS does not allow as the name of a server. */
function isAddress(broker: string): boolean {
  return isIP(broker.replace(/:\d+$/u, '').replace(/^\[(.*)\]$/u, '$1')) !== 0;
}
