import { describe, expect, test } from '@jest/globals';
import type { Json } from './json.js';
import { isPlanInput, referencesIn, referenceTo, resolveInput } from './plan.input.js';

const DOCUMENTS: Readonly<Record<string, Json>> = {
  $input: { order: 7 },
  stock: { price: 5, lines: [{ id: 'a' }], nothing: null },
};

function resolve(template: Json): ReturnType<typeof resolveInput> {
  return resolveInput(template, (from) => DOCUMENTS[from]);
}

function brokenSource(): Json {
  throw new TypeError('broken');
}

describe('the input of a step', () => {
  test('takes what its references name, at any depth', () => {
    const template = {
      amount: referenceTo('stock', '/price'),
      items: ['first', { id: { $from: 'stock', pointer: '/lines/0/id' } }],
      whole: { $from: '$input' },
      plain: [1, null, true],
    };

    expect(resolve(template)).toEqual({
      ok: true,
      input: { amount: 5, items: ['first', { id: 'a' }], whole: { order: 7 }, plain: [1, null, true] },
    });
  });

  test('may be a reference as a whole', () => {
    expect(resolve({ $from: 'stock', pointer: '/lines' })).toEqual({ ok: true, input: [{ id: 'a' }] });
  });

  test('takes a null that is there', () => {
    expect(resolve({ $from: 'stock', pointer: '/nothing' })).toEqual({ ok: true, input: null });
  });

  test('takes a literal as it is, references inside included', () => {
    const literal = { $from: 'stock', pointer: '/price' };

    expect(resolve({ note: { $literal: literal } })).toEqual({ ok: true, input: { note: literal } });
    expect(referencesIn({ note: { $literal: literal } })).toEqual({ references: [], malformed: [] });
  });

  test.each<[string, Json, string]>([
    ['a step without output', { $from: 'pay' }, 'pay'],
    ['a place that is not there', { deep: [{ $from: 'stock', pointer: '/cost' }] }, 'stock'],
  ])('tells what is missing: %s', (_, template, from) => {
    expect(resolve(template)).toMatchObject({ ok: false, missing: { from } });
  });

  test('does not look into what it has fetched', () => {
    const reply = { $from: 'stock', pointer: '/price' };

    expect(resolveInput({ $from: 'pay' }, () => reply)).toEqual({ ok: true, input: reply });
  });

  test('lets no member called __proto__ reach a prototype', () => {
    const template = JSON.parse(
      '{"a":{"__proto__":{"isAdmin":true}},"b":{"$from":"x","pointer":"/__proto__"}}',
    ) as Json;

    const resolved = resolveInput(template, () => ({}));
    const without = resolveInput((template as { a: Json }).a, () => ({}));

    expect(resolved).toEqual({ ok: false, missing: { from: 'x', pointer: '/__proto__' } });
    expect(JSON.stringify(without)).toBe('{"ok":true,"input":{"__proto__":{"isAdmin":true}}}');
    expect((without as unknown as { input: { isAdmin?: boolean } }).input.isAdmin).toBeUndefined();
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  test('fills a member called __proto__ as any other, and leaves the template as it is', () => {
    const template = JSON.parse('{"a":1,"__proto__":{"$from":"stock","pointer":"/price"}}') as Json;

    expect(JSON.stringify(resolve(template))).toBe('{"ok":true,"input":{"a":1,"__proto__":5}}');
    expect(JSON.stringify(template)).toBe('{"a":1,"__proto__":{"$from":"stock","pointer":"/price"}}');
  });

  test('passes on what the resolver of documents throws', () => {
    expect(() => resolveInput({ $from: 'x' }, brokenSource)).toThrow(TypeError);
  });
});

describe('the references of an input', () => {
  test('are found wherever they stand', () => {
    const found = referencesIn([{ a: { $from: 'x' } }, [{ $from: 'y', pointer: '/b' }], 'text', null]);

    expect(found).toEqual({
      references: [
        { from: 'x', pointer: '' },
        { from: 'y', pointer: '/b' },
      ],
      malformed: [],
    });
  });

  test.each<[string, Json]>([
    ['a step that is no name', { $from: 5 }],
    ['a pointer that is none', { $from: 'x', pointer: 'price' }],
    ['a pointer that is no text', { $from: 'x', pointer: 0 }],
    ['a pointer that is a list', { $from: 'x', pointer: [] }],
    ['a member too many', { $from: 'x', path: '/price' }],
  ])('are malformed with %s', (_, template) => {
    expect(referencesIn({ a: template })).toEqual({ references: [], malformed: [JSON.stringify(template)] });
  });

  test('to the input of the plan are no references to a step', () => {
    expect([isPlanInput('$input'), isPlanInput('input')]).toEqual([true, false]);
  });
});
