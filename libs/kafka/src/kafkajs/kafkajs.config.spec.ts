import { expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';
import { kafkajsConfig } from './kafkajs.config.js';

const CONNECTION = { brokers: ['a:9092', 'b:9092'], clientId: 'coordinator' };

test('kafkajs is told the brokers and who asks, and to keep silent', () => {
  const config = kafkajsConfig(CONNECTION);

  expect(config).toMatchObject({ ...CONNECTION, logLevel: kafkajs.logLevel.NOTHING });
  expect(config).not.toHaveProperty('ssl');
  expect(config).not.toHaveProperty('sasl');
});

test.each([[true], [false], [{ ca: 'a certificate', cert: 'ours', key: 'secret' }]])(
  'kafkajs is told of TLS: %j',
  (tls) => {
    expect(kafkajsConfig({ ...CONNECTION, tls })).toMatchObject({ ssl: tls });
  },
);

test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('kafkajs logs in by %s', (mechanism) => {
  const sasl = { mechanism, username: 'atone', password: 'secret' };

  expect(kafkajsConfig({ ...CONNECTION, sasl })).toMatchObject({ sasl });
});
