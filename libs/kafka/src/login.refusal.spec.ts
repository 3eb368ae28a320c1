import { expect, test } from '@jest/globals';
import { askError } from './kafka.error.js';

function named(name: string): Error {
  return Object.assign(new Error('Authentication failed.'), { name });
}

function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error('Authentication failed.', { cause }), { code });
}

const PASSWORD =
  'Check ATONE_KAFKA_SASL_USERNAME and ATONE_KAFKA_SASL_PASSWORD, and that the user has this password for this mechanism.';

test.each([
  ['as kafkajs says it', named('KafkaJSSASLAuthenticationError'), PASSWORD],
  ['as platformatic says it', coded('PLT_KFK_AUTHENTICATION'), PASSWORD],
  ['among other errors', new AggregateError([new Error('no'), coded('PLT_KFK_AUTHENTICATION')]), PASSWORD],
  [
    'a mechanism that it does not have, inside of a refusal',
    coded('PLT_KFK_AUTHENTICATION', coded('UNSUPPORTED_SASL_MECHANISM')),
    'It offers no login by this mechanism: set ATONE_KAFKA_SASL_MECHANISM to one of its `sasl.enabled.mechanisms`.',
  ],
  [
    'a login where it asks for none',
    coded('ILLEGAL_SASL_STATE'),
    'It asks nobody to log in there: leave ATONE_KAFKA_SASL_* away, or name the port where it does.',
  ],
  [
    'behind another error',
    coded('PLT_KFK_NETWORK', coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')),
    'Check the certificate and its key: ATONE_KAFKA_TLS_CERT_FILE and ATONE_KAFKA_TLS_KEY_FILE.',
  ],
])('a broker that does not believe who asks is no broker that is away: %s', (_words, cause, advice) => {
  expect(askError(['a:9092'], cause)).toMatchObject({
    code: 'KAFKA_AUTH',
    retryable: false,
    message: `Kafka at a:9092 does not let us in: Authentication failed. ${advice}`,
  });
});

test.each([['Closed connection'], ['Connection closed.']])('one that hangs up may want more: %s', (words) => {
  expect(askError(['a:9092'], new Error(words))).toMatchObject({
    code: 'KAFKA_UNREACHABLE',
    message:
      `Kafka cannot be reached at a:9092: ${words.replace('.', '')}. A broker that asks for a login or for TLS closes the ` +
      'connections of those who bring none: ATONE_KAFKA_SASL_*, ATONE_KAFKA_TLS.',
  });
});

test.each([['ECONNREFUSED'], ['ERR_SSL_WRONG_VERSION_NUMBER']])('%s may pass', (code) => {
  expect(askError(['a:9092'], coded(code))).toMatchObject({ code: 'KAFKA_UNREACHABLE', retryable: true });
});
