import { expect, test } from '@jest/globals';
import { MisuseError } from '../participant.error.js';
import { startAtone } from './start.atone.js';
import type { StartOptions } from './start.options.js';

const GOOD: StartOptions = {
  service: 'trips',
  coordinator: { url: 'http://coordinator.invalid' },
  log: false,
};

test.each<[string, object, string]>([
  ['misspelt', { ...GOOD, lisen: { port: 0 } }, "there is no option 'lisen'. Perhaps 'listen' was meant."],
  [
    'misspelt in another',
    { ...GOOD, barrier: { doubts: { bach: 1 } } },
    "there is no option 'barrier.doubts.bach'. Perhaps 'barrier.doubts.batch' was meant.",
  ],
  ['missing', { coordinator: GOOD.coordinator }, '`service` is missing.'],
  ['missing, the coordinator', { service: 'trips' }, '`coordinator` is missing.'],
])('options that are %s do not start a service', async (_how, options, message) => {
  const started = startAtone(options as StartOptions);

  await expect(started).rejects.toThrow(MisuseError);
  await expect(started).rejects.toThrow(`The options of startAtone cannot work: ${message}`);
});
