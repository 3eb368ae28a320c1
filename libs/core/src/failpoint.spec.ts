import { afterEach, expect, test } from '@jest/globals';
import { failpoint, setFailpointHook } from './failpoint.js';

afterEach(() => {
  setFailpointHook(undefined);
});

test('a failpoint calls what a test has installed, and nothing else', async () => {
  const passed: string[] = [];
  await failpoint('before');
  setFailpointHook((name) => {
    passed.push(name);
  });

  await failpoint('during');

  setFailpointHook(undefined);
  await failpoint('after');
  expect(passed).toEqual(['during']);
});
