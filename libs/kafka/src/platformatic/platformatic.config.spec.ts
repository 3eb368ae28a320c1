import { expect, test } from '@jest/globals';
import { platformaticConfig } from './platformatic.config.js';

const CONNECTION = { brokers: ['a:9092', 'b:9092'], clientId: 'coordinator' };

test('the library is told the brokers and who asks, and to create no topics by itself', () => {
  const config = platformaticConfig(CONNECTION);

  expect(config).toMatchObject({
    bootstrapBrokers: CONNECTION.brokers,
    clientId: 'coordinator',
    autocreateTopics: false,
  });
  expect(config).not.toHaveProperty('sasl');
});

test('the library is told of TLS, and to name the host that it expects', () => {
  const tls = { ca: 'a certificate', cert: 'ours', key: 'secret' };

  expect(platformaticConfig({ ...CONNECTION, tls })).toMatchObject({ tls, tlsServerName: true });
  expect(platformaticConfig({ ...CONNECTION, tls: true })).toMatchObject({ tls: {} });
});

test.each([['10.0.0.1:9092'], ['[::1]:9092']])(
  'the library names no host that is an address: %s',
  (broker) => {
    expect(platformaticConfig({ ...CONNECTION, brokers: [broker], tls: true })).toMatchObject({
      tlsServerName: false,
    });
  },
);

test.each([[undefined], [false]])('the library uses no TLS where none is wanted: %j', (tls) => {
  expect(platformaticConfig({ ...CONNECTION, tls })).not.toHaveProperty('tls');
});

test.each([
  ['plain', 'PLAIN'],
  ['scram-sha-256', 'SCRAM-SHA-256'],
  ['scram-sha-512', 'SCRAM-SHA-512'],
] as const)('the library logs in by %s', (mechanism, name) => {
  const sasl = { mechanism, username: 'atone', password: 'secret' };

  expect(platformaticConfig({ ...CONNECTION, sasl }).sasl).toEqual({ ...sasl, mechanism: name });
});
