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

test.each(['http://127.0.0.1:9000', 'https://stock.example/internal/', 'http://[::1]:9000/a@b'])(
  '%s may be where an instance is',
  (baseUrl) => {
    expect(participantInstanceSchema.safeParse({ ...plain({}), baseUrl }).success).toBe(true);
  },
);

test.each([
  'http://ann@stock.example',
  'http://ann:secret@stock.example',
  'http://:secret@stock.example',
  'http://stock.example/?lane=x',
  'http://stock.example/?',
  'http://stock.example#part',
])('%s is refused as the place of an instance, which has no use for all of it', (baseUrl) => {
  const { error } = participantInstanceSchema.safeParse({ ...plain({}), baseUrl });

  expect(error?.issues).toMatchObject([
    { path: ['baseUrl'], message: expect.stringMatching(/^must have no user, password, query or fragment/u) },
  ]);
});

test('what is no URL is refused for that alone', () => {
  const { error } = participantInstanceSchema.safeParse({ ...plain({}), baseUrl: 'nowhere' });

  expect(error?.issues).toMatchObject([{ path: ['baseUrl'], code: 'invalid_format' }]);
});

test.each<[string, object, boolean]>([
  ['an address', { baseUrl: 'http://stock:1' }, true],
  ['a topic', { kafka: { topic: 'atone.commands.stock' } }, true],
  ['both', { baseUrl: 'http://stock:1', kafka: { topic: 'atone.commands.stock' } }, true],
  ['neither', {}, false],
  ['what is no name of a topic', { kafka: { topic: 'no topic' } }, false],
])('a service with the library may be reached by %s: %o', (_title, reached, isValid) => {
  const entry = { instance: 'one', kind: 'library', protocol: 1, actions: [], ...reached };

  const { success } = participantInstanceSchema.safeParse(entry);

  expect(success).toBe(isValid);
});

test('a plain endpoint is called over HTTP alone', () => {
  const kafka = { topic: 'atone.commands.stock' };

  const { error } = participantInstanceSchema.safeParse({ ...plain({}), kafka });

  expect(error?.issues).toMatchObject([{ path: ['kafka'] }]);
});
