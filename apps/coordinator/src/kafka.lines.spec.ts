import { KafkaUnreachableError } from '@atone/kafka';
import { expect, test } from '@jest/globals';
import { KafkaLines } from './kafka.lines.js';
import { openLogger } from './ports/pino.logger.js';

test('an outage of the brokers is one line without a trace, and one when they are back', () => {
  const lines: string[] = [];
  const logger = openLogger('info', { write: (line: string) => void lines.push(line) });
  const kafka = { library: 'kafkajs', prefix: 'atone' } as const;
  const told = new KafkaLines({ logger, kafka, nowMs: () => 0, logId: 'one' });
  told.reads([0, 1]);

  told.trouble(new KafkaUnreachableError(['kafka:9092']));
  told.trouble(new Error('connect ECONNREFUSED'));
  told.trouble(Object.assign(new Error('no broker'), { name: 'KafkaJSNumberOfRetriesExceeded' }));
  told.trouble(Object.assign(new AggregateError([], 'no broker'), { code: 'PLT_KFK_MULTIPLE' }));
  told.hears();
  told.hears();

  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { msg: 'replies over kafka are read', client: 'kafkajs', partitions: [0, 1] },
    { msg: 'trouble with kafka, trying again', reason: expect.stringContaining('kafka:9092') },
    { msg: 'kafka answers again' },
  ]);
  expect(lines.join('')).not.toContain('stack');
});
