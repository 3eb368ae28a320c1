import { commandRecord, readReplyRecord } from '@atone/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Participant } from '../participant.js';
import {
  command,
  DONE,
  gid,
  GROUP,
  LedgerScene,
  recordOf,
  REPLIES,
  TOPIC,
  until,
} from '../testing/ledger.scene.js';

const ONE_PARTITION = { partitionCount: 1, replicationFactor: 1 };
const KEY = { keyId: 'k1', secret: 'a secret' };

let scene: LedgerScene;

beforeEach(async () => {
  scene = await new LedgerScene().open();
});

afterEach(async () => scene.close());

describe('a service over Kafka', () => {
  test('answers to the partition that the command has named, and is done then', async () => {
    await scene.start();

    await scene.send(command('one'));

    await until(() => scene.kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(scene.answers()).toEqual([['one', DONE]]);
    expect(scene.kafka.records(REPLIES)).toMatchObject([{ partition: 2, key: gid(1) }]);
    expect(scene.database.entries).toEqual(['one']);
  });

  test('takes what was sent before it was first there', async () => {
    await scene.kafka.client().createTopics([{ name: TOPIC, ...ONE_PARTITION }]);
    await scene.send(command('early'));

    const { kafka: place } = await scene.start();

    await until(() => scene.answers().length === 1);
    expect(place).toEqual({ topic: TOPIC });
  });

  test('takes those of one transaction one after the other', async () => {
    const open = scene.hold('first');
    await scene.start();

    await scene.send(command('first'), command('second'), command('first', { op: 'compensate' }));

    await until(() => scene.started.length > 0);
    const before = [...scene.started];
    open();
    await until(() => scene.answers().length === 3);
    expect({ before, after: scene.started }).toEqual({
      before: ['first'],
      after: ['first', 'second', 'undo first'],
    });
  });

  test('takes different transactions at the same time, and answers each as soon as it can', async () => {
    const open = scene.hold('slow');
    await scene.start();

    await scene.send(command('slow'), command('quick', { gid: gid(2) }));

    await until(() => scene.answers().length === 1);
    const before = scene.answers();
    const committed = scene.kafka.committed(GROUP, TOPIC, 0);
    open();
    await until(() => scene.answers().length === 2);
    expect({ before, committed }).toEqual({ before: [['quick', DONE]], committed: undefined });
  });

  test('has only so many transactions under way at once', async () => {
    const opens = ['1', '2', '3'].map((branchId) => scene.hold(branchId));
    await scene.start({ parallelMax: 2 });

    await scene.send(...['1', '2', '3'].map((branchId, index) => command(branchId, { gid: gid(index) })));

    await until(() => scene.started.length === 2);
    opens[0]?.();
    await until(() => scene.started.length === 3);
    opens.forEach((open) => open());
    await until(() => scene.answers().length === 3);
    expect(scene.started).toEqual(['1', '2', '3']);
  });
});

describe('what comes twice has one effect', () => {
  test('when the process dies between its own commit and that of the offset', async () => {
    scene.kafka.faults = { isCommitLost: () => true };
    const dying = await scene.start();
    await scene.send(command('one'));
    await until(() => scene.answers().length === 1);

    dying.client.kill();
    scene.kafka.faults = {};
    await scene.start();

    await until(() => scene.kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(scene.answers()).toEqual([
      ['one', DONE],
      ['one', DONE],
    ]);
    expect(scene.database.entries).toEqual(['one']);
  });

  test('when the answer may not have been stored', async () => {
    let failures = 0;
    scene.kafka.faults = {
      request: ([record]) => (record?.topic === REPLIES && (failures += 1) <= 2 ? 'unreachable' : 'answered'),
    };
    await scene.start();

    await scene.send(command('one'));

    await until(() => scene.kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(scene.answers()).toEqual([['one', DONE]]);
    expect(scene.database.entries).toEqual(['one']);
  });

  test('when all that was ever sent is read again', async () => {
    await scene.start();
    await scene.send(command('one'), command('one', { op: 'compensate' }));
    await until(() => scene.answers().length === 2);

    scene.kafka.resetOffsets(GROUP, TOPIC);

    await until(() => scene.answers().length === 4);
    expect(scene.database.entries).toEqual(['one', 'undo one']);
  });
});

describe('what cannot be carried out', () => {
  test('is answered and kept with the dead letters where its attempt can be read', async () => {
    const { counts } = await scene.start();
    const record = recordOf(command('bad'));

    await scene.kafka
      .client()
      .send([{ ...record, value: JSON.stringify({ ...command('bad'), action: '' }) }]);
    await scene.send(command('good', { gid: gid(2) }));

    await until(() => scene.answers().length === 2);
    expect(Object.fromEntries(scene.answers())).toEqual({
      bad: {
        outcome: 'unknown',
        error: { class: 'bad-payload', message: expect.stringContaining('/action') },
      },
      good: DONE,
    });
    expect(scene.kafka.records('atone.dead')).toMatchObject([
      { headers: { 'atone-dead-topic': TOPIC, 'atone-dead-offset': '0' } },
    ]);
    expect(counts).toMatchObject({ dead: 1, distrusted: 0 });
  });

  test('because nobody could read it harms no other, and the log of the service tells where it was', async () => {
    const lines: object[] = [];
    const { counts } = await scene.start({
      log: {
        info: (fields, message) => void lines.push({ ...fields, message }),
        warn: (fields, message) => void lines.push({ ...fields, message }),
      },
    });

    await scene.kafka.client().send([{ topic: TOPIC, key: 'k', value: '{', headers: {} }]);
    await scene.send(command('good'));

    await until(() => scene.kafka.committed(GROUP, TOPIC, 0) === 2n);
    expect(scene.answers()).toEqual([['good', DONE]]);
    expect(counts.dead).toBe(1);
    expect(lines).toEqual([
      { service: 'ledger', topic: TOPIC, partitions: [0], message: 'reads what Kafka brings' },
      {
        service: 'ledger',
        topic: TOPIC,
        partition: 0,
        offset: '0',
        reason: expect.stringContaining('ce_specversion'),
        message: 'a record was put with the dead letters',
      },
    ]);
  });

  test('is kept with the dead letters though no broker takes it at the first try', async () => {
    let tryCount = 0;
    scene.kafka.faults = {
      request: ([record]) =>
        record?.topic === 'atone.dead' && (tryCount += 1) === 1 ? 'unreachable' : 'answered',
    };
    await scene.start();

    await scene.kafka.client().send([{ topic: TOPIC, key: 'k', value: '{', headers: {} }]);

    await until(() => scene.kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(scene.kafka.records('atone.dead')).toMatchObject([{ value: '{' }]);
  });

  test('because nobody signed it who may is not answered, and counted', async () => {
    const { counts } = await scene.start({ keys: [KEY] });

    await scene.kafka
      .client()
      .send([
        recordOf(command('unsigned')),
        recordOf(command('forged'), { ...KEY, secret: 'a guess' }),
        recordOf(command('signed'), KEY),
      ]);

    await until(() => scene.kafka.committed(GROUP, TOPIC, 0) === 3n);
    const [reply] = scene.kafka.records(REPLIES);
    expect(scene.answers()).toEqual([['signed', DONE]]);
    expect(counts).toMatchObject({ dead: 2, distrusted: 2 });
    expect(reply && readReplyRecord(reply, { keys: [KEY], nowMs: Date.now() }).type).toBe('reply');
  });

  test('because the place for its answer does not exist holds nothing up', async () => {
    const { counts } = await scene.start();
    const nowhere = { topic: TOPIC, replyTo: { topic: REPLIES, partition: 99 } };

    await scene.kafka
      .client()
      .send([commandRecord(command('one'), nowhere, { source: '/', nowMs: Date.now() })]);

    await until(() => scene.kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(counts.unanswered).toBe(1);
    expect(scene.database.entries).toEqual(['one']);
  });

  test('because the brokers do not take its answer for long holds nothing up either', async () => {
    scene.kafka.faults = {
      request: (records) => (records.some(({ topic }) => topic === REPLIES) ? 'unreachable' : 'answered'),
    };
    const { counts } = await scene.start();

    await scene.send(command('one'));

    await until(() => scene.kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(counts.unanswered).toBe(1);
    expect(scene.database.entries).toEqual(['one']);
  });

  test('because its answer is too large for a record is told in short', async () => {
    const large: Participant = {
      ...scene.participantOf(),
      execute: async () => ({ outcome: 'done', output: 'x'.repeat(70_000) }),
    };
    await scene.start({ participant: large });

    await scene.send(command('one'));

    await until(() => scene.answers().length === 1);
    expect(scene.answers()).toMatchObject([['one', { outcome: 'unknown', error: { class: 'bad-payload' } }]]);
  });
});

describe('a service whose topic', () => {
  test('is missing does not start, and says what to do', async () => {
    await expect(scene.start({ createTopics: undefined })).rejects.toMatchObject({
      name: 'MisuseError',
      message: expect.stringMatching(
        /there is no topic atone\.commands\.ledger, atone\.dead\. .* run:\nkafka/u,
      ),
    });
  });

  test('would have too long a name does not start', async () => {
    await expect(scene.start({ prefix: 'x'.repeat(240) })).rejects.toThrow('longer name than Kafka takes');
  });

  test('is that of a lane takes what is sent to the lane', async () => {
    const { kafka: place } = await scene.start({ lane: 'green' });

    await scene.kafka.client().send([{ ...recordOf(command('one', { lane: 'green' })), topic: place.topic }]);

    await until(() => scene.answers().length === 1);
    expect(place.topic).toBe('atone.commands.ledger.green');
  });
});
