import { expect, test } from '@jest/globals';
import { participantInstanceSchema } from './participant.schema.js';

function plain(action: object): object {
  return {
    instance: 'one',
    baseUrl: 'http://127.0.0.1:9000',
    kind: 'plain',
    protocol: 1,
    actions: [{ name: 'book', hasCompensation: true, path: '/book', compensatePath: '/unbook', ...action }],
  };
}

test('a plain endpoint names where its action and its compensation are called', () => {
  expect(participantInstanceSchema.safeParse(plain({})).success).toBe(true);
  expect(
    participantInstanceSchema.safeParse(plain({ hasCompensation: false, compensatePath: undefined })).success,
  ).toBe(true);
});

test.each(['path', 'compensatePath'])(
  'a plain endpoint without its %s is refused, naming the field',
  (field) => {
    const { error } = participantInstanceSchema.safeParse(plain({ [field]: undefined }));

    expect(error?.issues.map((issue) => issue.path)).toEqual([['actions', 0, field]]);
  },
);
