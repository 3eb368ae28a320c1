import { commandTo } from '@atone/engine/conformance';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HttpWorld } from './testing/http.world.js';

let world: HttpWorld;

beforeEach(() => {
  world = new HttpWorld();
});

afterEach(() => world.end());

async function answerTo(lane?: string): Promise<unknown> {
  world.send(commandTo('stock', lane === undefined ? {} : { lane }));
  const [envelope] = await world.replied(1);
  return envelope?.reply;
}

const unreachable = (message: string): unknown => ({
  outcome: 'unknown',
  error: { class: 'unreachable', message },
});

test.each([undefined, 'green'])(
  'a service of which nothing is registered is told so (lane: %s)',
  async (lane) => {
    const reply = await answerTo(lane);

    expect(reply).toEqual(unreachable("No instance of the service 'stock' is registered."));
  },
);

test('where the instances are in lanes, a command outside of lanes is told that', async () => {
  world.enter('http://127.0.0.1:1', { lane: 'blue' });

  const reply = await answerTo();

  expect(reply).toEqual(unreachable("No instance of the service 'stock' is known outside of lanes."));
});

test('where the instances are in other lanes, a command is told where none was found', async () => {
  world.enter('http://127.0.0.1:1', { lane: 'blue' });

  const reply = await answerTo('green');

  expect(reply).toEqual(
    unreachable("No instance of the service 'stock' is known in the lane 'green' or outside of lanes."),
  );
});

test('an instance that takes commands over Kafka alone is not asked over HTTP', async () => {
  world.enter(undefined, { kafka: { topic: 'atone.commands.stock' } });

  const reply = await answerTo();

  expect(reply).toEqual(unreachable("No instance of the service 'stock' is registered."));
});
