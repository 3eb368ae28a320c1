import { expect, test } from '@jest/globals';
import { askError } from './kafka.error.js';

function named(name: string): Error {
  return Object.assign(new Error('Authentication failed'), { name });
}

function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error('Authentication failed', { cause }), { code });
}

test.each([
  ['as kafkajs says it', named('KafkaJSSASLAuthenticationError')],
  ['as platformatic says it', coded('PLT_KFK_AUTHENTICATION')],
  ['among other errors', new AggregateError([new Error('no'), coded('PLT_KFK_AUTHENTICATION')])],
  ['behind another error', coded('PLT_KFK_NETWORK', coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'))],
])('a broker that does not believe who asks is no broker that is away: %s', (_words, cause) => {
  expect(askError(['a:9092'], cause)).toMatchObject({
    code: 'KAFKA_AUTH',
    retryable: false,
    message:
      'Kafka at a:9092 does not let us in: Authentication failed. Check the mechanism, the username and the password, or the certificate.',
  });
});

test.each([['ECONNREFUSED'], ['ERR_SSL_WRONG_VERSION_NUMBER']])('%s may pass', (code) => {
  expect(askError(['a:9092'], coded(code))).toMatchObject({ code: 'KAFKA_UNREACHABLE', retryable: true });
});
