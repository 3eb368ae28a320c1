import { describe, expect, test } from '@jest/globals';
import { foreignCaller } from './local.caller.js';

describe('a caller', () => {
  test.each(['localhost', 'LOCALHOST:7070', '127.0.0.1', '127.8.9.10:80', '[::1]', '[::1]:7070'])(
    'means this machine when it asks for %s',
    (host) => {
      expect(foreignCaller({ host })).toBeUndefined();
      expect(foreignCaller({ host, origin: `http://${host}` })).toBeUndefined();
    },
  );

  test.each([
    undefined,
    '',
    'rebound.example',
    'rebound.example:7070',
    'localhost.rebound.example',
    'rebound-localhost',
    '127.0.0.1.rebound.example',
    'x@127.0.0.1',
    '127.0.0.1:7070:x',
    '127.0.0.1, rebound.example',
    '10.0.0.7',
    '0.0.0.0',
    '[::2]',
  ])('may not mean this machine when it asks for %s', (host) => {
    expect(foreignCaller({ host })).toMatch(/host header/u);
  });

  test.each([
    'http://rebound.example',
    'http://localhost.rebound.example',
    'http://rebound.example/localhost',
    'null',
    '',
    'file://',
    'http://localhost, http://rebound.example',
  ])("may not mean this machine when a page of '%s' sent it", (origin) => {
    expect(foreignCaller({ host: 'localhost', origin })).toBe(`it comes from a page of '${origin}'`);
  });
});
