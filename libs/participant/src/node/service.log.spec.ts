import { expect, test } from '@jest/globals';
import { standardLog } from './service.log.js';

test('what goes well is told on one stream, and trouble on the other, each with its facts and its stack', () => {
  const out: string[] = [];
  const trouble: string[] = [];
  const log = standardLog({
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => trouble.push(text) },
  });

  log.info({ service: 'cars' }, 'registered');
  log.warn({ error: 'connect ECONNREFUSED 127.0.0.1:7070' }, 'no coordinator');
  log.error({ gid: 'g', stack: 'TypeError: no\n    at cars.ts:1:1' }, 'branch execution failed');

  expect({ out, trouble }).toEqual({
    out: ['[Atone] registered (service=cars)\n'],
    trouble: [
      '[Atone] no coordinator (error="connect ECONNREFUSED 127.0.0.1:7070")\n',
      '[Atone] branch execution failed (gid=g)\nTypeError: no\n    at cars.ts:1:1\n',
    ],
  });
});
