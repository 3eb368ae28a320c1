import type { KafkaConfig, SASLOptions } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { KafkaConnection } from '../kafka.port.js';
import { CONNECT_TIMEOUT_MS, STORE_TIMEOUT_MS } from '../limits.js';

/** Returns how kafkajs is told about the brokers. It writes nothing to the console. */
export function kafkajsConfig({ brokers, clientId, tls, sasl }: KafkaConnection): KafkaConfig {
  return {
    brokers: [...brokers],
    clientId,
    ...(tls === undefined ? {} : { ssl: tls }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    authenticationTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: STORE_TIMEOUT_MS,
    logLevel: kafkajs.logLevel.NOTHING,
    // Some tries within the time that a caller waits; a consumer that has used them up is made anew.
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 8, restartOnFailure: async () => false },
  };
}
