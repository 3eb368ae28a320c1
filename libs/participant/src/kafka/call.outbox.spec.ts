import type { OutgoingRecord } from '@atone/kafka';
import { expect, test } from '@jest/globals';
import { CallOutbox } from './call.outbox.js';

/** A client that has each batch wait for `answer`. */
function outbox() {
  const world = { nowMs: 0, batches: [] as (string | undefined)[][], answer: (): void => undefined };
  const client = {
    send: (records: readonly OutgoingRecord[]) => {
      world.batches.push(records.map(({ value }) => value));
      return new Promise<void>((resolve) => {
        world.answer = resolve;
      });
    },
  };
  return { world, outbox: new CallOutbox(client, { nowMs: () => world.nowMs }) };
}

function record(value: string): OutgoingRecord {
  return { topic: 'atone.commands.stock', key: 'a', value, headers: {} };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test('records that come while a batch is under way go together, when it is stored', async () => {
  const { world, outbox: box } = outbox();
  const sent = ['a', 'b'].map(async (value) => box.send(record(value), 100));
  await turn();
  sent.push(box.send(record('c'), 100));
  await turn();
  const before = world.batches.length;

  world.answer();

  await turn();
  world.answer();
  await Promise.all(sent);
  expect([before, world.batches]).toEqual([1, [['a', 'b'], ['c']]]);
});

test('S12: a record whose time is over before its batch never leaves', async () => {
  const { world, outbox: box } = outbox();
  const early = box.send(record('early'), 100);
  await turn();
  const late = box.send(record('late'), 100).catch((error: unknown) => error);
  world.nowMs = 100;

  world.answer();

  await early;
  expect(await late).toMatchObject({ name: 'NotConnectedError' });
  expect(world.batches).toEqual([['early']]);
});
