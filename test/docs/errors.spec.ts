import type { AbortReason, BranchErrorClass } from '@atone/core';
import { ERROR_CODES, STUCK_REASONS } from '@atone/protocol';
import { describe, expect, test } from '@jest/globals';
import { readText, repositoryFiles, tableRows } from './markdown.js';

const PAGE = readText('docs/errors.md');

/** A row of one of the tables, by what its first cell names. */
interface Explained {
  readonly anchor: string;
  readonly name: string;
  readonly rest: readonly string[];
}

const EXPLAINED = tableRows(PAGE).map(([first = '', ...rest]): Explained => {
  const { anchor = '', name = '' } =
    /^<a id="(?<anchor>[^"]+)"><\/a>`(?<name>[^`]+)`$/u.exec(first)?.groups ?? {};
  return { anchor, name, rest };
});

const CODES = EXPLAINED.filter(({ name }) => /^[A-Z_]+$/u.test(name));

/** Names each member, so that a new one does not compile until this page knows it. */
const CLASSES: Readonly<Record<BranchErrorClass, true>> = {
  unreachable: true,
  timeout: true,
  error: true,
  code: true,
  'bad-payload': true,
  'action-gone': true,
};
const ABORTS: Readonly<Record<AbortReason['code'], true>> = {
  refused: true,
  deadline: true,
  attempts: true,
  operator: true,
  initiator: true,
  presumed: true,
};

describe('docs/errors.md', () => {
  test('explains each code that leaves Atone, and no other', () => {
    const known = new Set([...Object.keys(ERROR_CODES), ...codesOfClasses()]);

    expect(CODES.map(({ name }) => name).toSorted()).toEqual([...known].toSorted());
  });

  test('has an anchor for each code where the type of a problem document leads', () => {
    const wrong = CODES.filter(({ name, anchor }) => anchor !== name.toLowerCase().replaceAll('_', '-'));

    expect(wrong).toEqual([]);
  });

  test('tells the status that each code has in the protocol', () => {
    const told = CODES.filter(({ name }) => name in ERROR_CODES).map(({ name, rest }) => [
      name,
      Number(rest[0]),
    ]);

    expect(Object.fromEntries(told)).toEqual(ERROR_CODES);
  });

  test.each([
    ['stuck', STUCK_REASONS],
    ['class', Object.keys(CLASSES)],
    ['abort', Object.keys(ABORTS)],
  ])('explains each %s that a transaction can show, and no other', (prefix, names) => {
    const rows = EXPLAINED.filter(({ anchor, name }) => anchor === `${prefix}-${name}`);

    expect(rows.map(({ name }) => name).toSorted()).toEqual([...names].toSorted());
  });

  test('has no row that none of these tests reads', () => {
    const odd = EXPLAINED.filter(
      ({ anchor, name }) => !/^[A-Z_]+$/u.test(name) && !/^(?:stuck|class|abort)-/u.test(anchor),
    );

    expect(odd).toEqual([]);
  });
});

/** Returns the codes that classes of errors have as a field. */
function codesOfClasses(): string[] {
  const sources = repositoryFiles().filter(
    (path) =>
      /^(?:libs|apps|examples)\/[^/]+\/src\/.*\.ts$/u.test(path) && !/\.spec\.ts$|\/testing\//u.test(path),
  );
  return sources.flatMap((path) =>
    [...readText(path).matchAll(/^\s+(?:override )?readonly code = '(?<code>[A-Z_]+)'/gmu)].map(
      ({ groups }) => groups?.['code'] ?? '',
    ),
  );
}
