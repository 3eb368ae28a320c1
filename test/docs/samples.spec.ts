import { expect, test } from '@jest/globals';
import { readText } from './markdown.js';
import { COMPILE_TIMEOUT_MS, compileSamples, samplesOf } from './sample.compiler.js';

/** Pages whose samples in TypeScript are whole: each a file of one project. */
const PAGES = ['docs/kafka.md', 'docs/led-transactions.md', 'docs/node.md', 'libs/participant/README.md'];

test.each(PAGES)(
  'the samples of %s compile as they stand',
  async (page) => {
    const samples = samplesOf(readText(page));

    expect(samples.size).toBeGreaterThan(0);
    expect(await compileSamples(samples)).toBe('');
  },
  COMPILE_TIMEOUT_MS,
);

test(
  'the service of docs/nestjs.md that takes messages in batches compiles as it stands',
  async () => {
    const file = 'orders.messages.ts';
    const text = samplesOf(readText('docs/nestjs.md')).get(file) ?? '';

    expect(await compileSamples(new Map([[file, text]]))).toBe('');
  },
  COMPILE_TIMEOUT_MS,
);
