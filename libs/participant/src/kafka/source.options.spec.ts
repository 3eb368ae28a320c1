import { MemoryKafka } from '@atone/kafka/testing';
import { expect, test } from '@jest/globals';
import { kafkaCommands } from './kafka.source.js';

const client = new MemoryKafka().client();

test.each(['', 'my shop', 'shop.', 'a/b', 'x'.repeat(65)])('the prefix "%s" is refused at once', (prefix) => {
  expect(() => kafkaCommands({ client, prefix })).toThrow(
    `The options of kafkaCommands cannot work: \`prefix\` must consist of up to 64 letters, digits, dots, hyphens and underscores, and end in no dot; it is '${prefix}'.`,
  );
});

test.each([undefined, 'shop', 'shop-2.eu_west'])('the prefix %s is taken', (prefix) => {
  expect(kafkaCommands({ client, prefix })).toHaveProperty('open');
});

test('an option that there is not is refused by its name, also where no compiler looks', () => {
  const options = { client, prefx: 'shop' };

  expect(() => kafkaCommands(options)).toThrow(
    "The options of kafkaCommands cannot work: there is no option 'prefx'. Perhaps 'prefix' was meant.",
  );
});
