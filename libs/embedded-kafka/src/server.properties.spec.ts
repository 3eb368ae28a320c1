import { expect, test } from '@jest/globals';
import { serverProperties } from './server.properties.js';

function linesOf(settings: Readonly<Record<string, string>> = {}): readonly string[] {
  return serverProperties({ port: 21_000, controllerPort: 21_001, settings }).split('\n');
}

test('a broker serves this machine only, and is its own controller', () => {
  expect(linesOf()).toEqual(
    expect.arrayContaining([
      'process.roles=broker,controller',
      'listeners=PLAINTEXT://127.0.0.1:21000,CONTROLLER://127.0.0.1:21001',
      'advertised.listeners=PLAINTEXT://127.0.0.1:21000',
      'controller.quorum.voters=1@127.0.0.1:21001',
      'log.dirs=data',
    ]),
  );
});

test('topics of its own need no other broker', () => {
  const copies = linesOf().filter((line) => /replication\.factor|min\.isr/u.test(line));

  expect(copies).toHaveLength(5);
  expect(copies.filter((line) => !line.endsWith('=1'))).toEqual([]);
});

test('settings that are given take the place of ours, once', () => {
  const lines = linesOf({ 'offsets.topic.num.partitions': '50', 'auto.create.topics.enable': 'false' });

  expect(lines.filter((line) => line.startsWith('offsets.topic.num'))).toEqual([
    'offsets.topic.num.partitions=50',
  ]);
  expect(lines).toContain('auto.create.topics.enable=false');
});

test('values are read as they were meant, whatever letters they have', () => {
  expect(linesOf({ one: 'C:\\temp\nnext=1', two: ' süß😀' })).toEqual(
    expect.arrayContaining(['one=C:\\u005ctemp\\u000anext=1', 'two=\\u0020s\\u00fc\\u00df\\ud83d\\ude00']),
  );
});
