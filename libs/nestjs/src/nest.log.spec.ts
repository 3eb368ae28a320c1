import { Logger } from '@nestjs/common';
import { afterEach, expect, test } from '@jest/globals';
import { nestLog } from './nest.log.js';

afterEach(() => Logger.overrideLogger(true));

test('a line tells what happened, and then with what', () => {
  const lines: unknown[] = [];
  const write = (line: unknown) => lines.push(line);
  Logger.overrideLogger({ log: write, warn: write, error: write });
  const log = nestLog('Atone');

  log.warn(
    { service: 'stock', error: 'connect ECONNREFUSED 127.0.0.1:7070' },
    'no coordinator; trying again',
  );

  expect(lines).toEqual([
    'no coordinator; trying again (service=stock error="connect ECONNREFUSED 127.0.0.1:7070")',
  ]);
});
