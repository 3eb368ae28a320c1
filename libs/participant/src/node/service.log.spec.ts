import { expect, test } from '@jest/globals';
import { standardLog } from './service.log.js';
import { systemClock } from './system-clock.js';

test('what goes well is told on one stream, and trouble on the other, each with its facts and its stack', () => {
  const out: string[] = [];
  const trouble: string[] = [];
  const streams = {
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => trouble.push(text) },
  };
  const log = standardLog(streams, { ...systemClock, now: () => 0 });

  log.info({ service: 'cars' }, 'registered');
  log.warn({ error: 'connect ECONNREFUSED 127.0.0.1:7070' }, 'no coordinator');
  log.error({ gid: 'g', stack: 'TypeError: no\n    at cars.ts:1:1' }, 'branch execution failed');

  expect({ out, trouble }).toEqual({
    out: ['1970-01-01T00:00:00.000Z [Atone] registered (service=cars)\n'],
    trouble: [
      '1970-01-01T00:00:00.000Z [Atone] no coordinator (error="connect ECONNREFUSED 127.0.0.1:7070")\n',
      '1970-01-01T00:00:00.000Z [Atone] branch execution failed (gid=g)\nTypeError: no\n    at cars.ts:1:1\n',
    ],
  });
});
