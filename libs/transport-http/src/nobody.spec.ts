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

test('a service that takes commands over Kafka alone is told with its topics by a coordinator without Kafka', async () => {
  world.enter(undefined, { kafka: { topic: 'mine.commands.stock' } });
  world.enter(undefined, { kafka: { topic: 'mine.commands.stock.blue' }, lane: 'blue' });

  const reply = await answerTo();

  expect(reply).toEqual(
    unreachable(
      "The service 'stock' takes commands over Kafka alone, at mine.commands.stock, and this coordinator has no Kafka. " +
        'Give it the ATONE_KAFKA_* of the others, or have the service listen for requests as well.',
    ),
  );
});

test('an instance in another lane is no reason to speak of Kafka', async () => {
  world.enter(undefined, { kafka: { topic: 'mine.commands.stock.blue' }, lane: 'blue' });

  const reply = await answerTo();

  expect(reply).toEqual(unreachable("No instance of the service 'stock' is known outside of lanes."));
});
