import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TransactionView } from '@atone/protocol';
import { configurationTable } from './configuration.table.js';
import { TestCoordinator } from './testing/test.coordinator.js';

function document(name: string): string {
  return readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
}

/** Without the spaces by which a formatter aligns columns. */
function squeezed(markdown: string): string {
  return markdown.replaceAll(/ {2,}/gu, ' ').replaceAll(/-{3,}/gu, '---');
}

test('docs/configuration.md holds the variables that the coordinator reads, as they are', () => {
  expect(squeezed(document('configuration.md'))).toContain(squeezed(configurationTable()));
});

describe('docs/rest.md', () => {
  const commands = [...document('rest.md').matchAll(/^curl (?:[^'\n]|'[^']*')*$/gmu)].map(([text]) =>
    requestOf(text),
  );
  let world: TestCoordinator;
  let gid = '';

  beforeAll(async () => {
    world = await TestCoordinator.start();
  });

  afterAll(async () => {
    await world.close();
  });

  test.each(commands)(
    'says how to $method $path, and so it can be done',
    async ({ method, path, headers, body }) => {
      const { status, body: answer } = await world.ask(method, path.replace('$GID', gid), { headers, body });
      gid = (answer as TransactionView | undefined)?.gid ?? gid;

      expect({
        status,
        isDone: status < 300 || EXPECTED_CONFLICTS.some((act) => path.endsWith(act)),
      }).toEqual({
        status,
        isDone: true,
      });
    },
  );
});

/** The transaction of the page has ended by then, so these are understood and refused. */
const EXPECTED_CONFLICTS = ['/retry', '/skip', '/abort', '/pause', '/resume'];

interface Shown {
  readonly method: 'GET';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Reads a curl command as far as the page uses them. */
function requestOf(command: string): Shown {
  const body = /(?:-d|--json) '([^']*)'/u.exec(command)?.[1];
  const headers = [...command.matchAll(/-H '([^:']+): ([^']*)'/gu)].map(
    ([, name, value]) => [name, value] as const,
  );
  return {
    method: (/-X (\w+)/u.exec(command)?.[1] ?? (body === undefined ? 'GET' : 'POST')) as 'GET',
    path: /\$ATONE(\/[^\s'"]*)/u.exec(command)?.[1] ?? '/',
    headers: Object.fromEntries(headers) as Record<string, string>,
    body,
  };
}
