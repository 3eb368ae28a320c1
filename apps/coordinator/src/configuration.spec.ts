import { describe, expect, test } from '@jest/globals';
import { readConfiguration, unknownVariables } from './configuration.js';
import { StartError } from './start.error.js';

const NEEDED = { ATONE_DATABASE_URL: 'postgres://localhost/atone' };

describe('the configuration', () => {
  test('needs nothing but a database', () => {
    expect(readConfiguration({ ...NEEDED, ATONE_API_TOKEN: '' })).toEqual({
      databaseUrl: 'postgres://localhost/atone',
      databaseWaitMs: 30_000,
      databasePoolSize: 4,
      acceptLoss: false,
      httpHost: '127.0.0.1',
      httpPort: 7_070,
      apiToken: undefined,
      signingKeys: [],
      logLevel: 'info',
      activeCountMax: 20_000,
      defaultTimeoutMs: 600_000,
      ledMemoryMs: 604_800_000,
      failpoints: undefined,
    });
  });

  test('takes signing keys in the order in which they are given', () => {
    const { signingKeys } = readConfiguration({
      ...NEEDED,
      ATONE_SIGNING_KEYS: 'new:0123456789abcdef:0,old:fedcba9876543210',
    });

    expect(signingKeys).toEqual([
      { keyId: 'new', secret: '0123456789abcdef:0' },
      { keyId: 'old', secret: 'fedcba9876543210' },
    ]);
  });

  test.each([
    [{ ATONE_DATABASE_URL: '' }, 'ATONE_DATABASE_URL is required'],
    [{ ATONE_DATABASE_URL: 'mysql://x' }, 'ATONE_DATABASE_URL must start with postgres://'],
    [{ ATONE_HTTP_PORT: '65536' }, 'ATONE_HTTP_PORT must be a port number'],
    [{ ATONE_HTTP_PORT: '7070 ' }, 'ATONE_HTTP_PORT must be a port number'],
    [{ ATONE_API_TOKEN: 'short' }, 'ATONE_API_TOKEN must have at least 16 characters'],
    [{ ATONE_SIGNING_KEYS: 'key:short' }, 'ATONE_SIGNING_KEYS must be keyId:secret'],
    [{ ATONE_ACCEPT_LOSS: 'yes' }, 'ATONE_ACCEPT_LOSS must be true or false'],
    [{ ATONE_LOG_LEVEL: 'loud' }, 'ATONE_LOG_LEVEL must be one of trace, debug'],
    [{ ATONE_ACTIVE_COUNT_MAX: '0' }, 'ATONE_ACTIVE_COUNT_MAX must be a whole number from 1'],
    [{ ATONE_DEFAULT_TIMEOUT: '10' }, 'ATONE_DEFAULT_TIMEOUT must be a duration such as 500ms'],
    [{ ATONE_LED_MEMORY: '1h' }, 'ATONE_LED_MEMORY must be a duration such as 500ms, 10s or 1m, from 24h to'],
    [{ ATONE_HTTP_HOST: '0.0.0.0' }, 'ATONE_API_TOKEN is required, because others can reach 0.0.0.0'],
    [{ ATONE_HTTP_HOST: '127.evil.example' }, 'ATONE_API_TOKEN is required'],
    [{ ATONE_FAILPOINTS: 'x=kill' }, 'ATONE_FAILPOINTS makes the coordinator fail on purpose'],
  ])('%j is refused in one sentence', (variables, sentence) => {
    const read = (): unknown => readConfiguration({ ...NEEDED, ...variables });

    expect(read).toThrow(StartError);
    expect(read).toThrow(sentence);
    expect(read).toThrow(/^[^\n]+\.$/u);
  });

  test('never repeats a secret that is wrong', () => {
    const variables = { ...NEEDED, ATONE_API_TOKEN: 'hunter2', ATONE_SIGNING_KEYS: 'k:hunter2' };

    expect(() => readConfiguration(variables)).toThrow(/^(?!.*hunter2)/u);
  });

  test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('needs no token at %s', (host) => {
    expect(readConfiguration({ ...NEEDED, ATONE_HTTP_HOST: host }).httpHost).toBe(host);
  });

  test('with a misspelt variable says which one may be meant', () => {
    expect(
      unknownVariables({ ...NEEDED, ATONE_HTPP_PORT: '1', ATONE_TEST_DATABASE_URL: 'x', HOME: '/' }),
    ).toEqual(['ATONE_HTPP_PORT is not read by the coordinator; the nearest one is ATONE_HTTP_PORT.']);
  });

  test('with a variable that nothing is similar to says no more than that', () => {
    expect(unknownVariables({ ATONE_PORT: '1' })).toEqual(['ATONE_PORT is not read by the coordinator.']);
  });
});
