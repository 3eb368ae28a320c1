import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mintGid } from '@atone/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LogInfo, TransactionView } from '@atone/protocol';
import { configurationTable } from './configuration.table.js';
import { CryptoRandom } from './ports/crypto.random.js';
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
  const variables = new Map<string, string>();
  let world: TestCoordinator;

  beforeAll(async () => {
    world = await TestCoordinator.start();
    // As the page mints them in a shell.
    const secret = randomBytes(32).toString('hex');
    variables.set('SECRET', secret).set('HASH', createHash('sha256').update(secret).digest('hex'));
    variables.set('TRIP', mintGid(Date.now(), 0, new CryptoRandom()));
    const { body: log } = await world.ask('GET', '/v1/log');
    variables.set('EPOCH', String((log as LogInfo).epoch));
  });

  afterAll(async () => {
    await world.close();
  });

  test.each(commands)(
    'says how to $method $path, and so it can be done',
    async ({ method, path, headers, body }) => {
      const { status, body: answer } = await world.ask(method, filled(path), {
        headers,
        body: body === undefined ? undefined : filled(body),
      });
      const { gid } = (answer as TransactionView | undefined) ?? {};
      if (gid !== undefined && !path.includes('$TRIP')) {
        variables.set('GID', gid);
      }

      expect({
        status,
        isDone: status < 300 || EXPECTED_CONFLICTS.some((act) => path.endsWith(act)),
      }).toEqual({
        status,
        isDone: true,
      });
    },
  );

  test('says what becomes of the branches of the transaction that it leads', async () => {
    const { body } = await world.ask('GET', filled('/v1/transactions/$TRIP'));

    expect((body as TransactionView).branches.map(({ branchId, state }) => [branchId, state])).toEqual([
      ['1', 'confirmed'],
      ['2', 'compensated'],
    ]);
  });

  test('mints a gid that is one', () => {
    expect(document('rest.md')).toContain('-7000-8${RANDOM_HEX:0:3}-${RANDOM_HEX:3:12}');
    expect(variables.get('TRIP')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7000-/u);
  });

  /** Puts in what a shell would. */
  function filled(text: string): string {
    return text.replaceAll(/\$(?<name>[A-Z]+)/gu, (_, name: string) => variables.get(name) ?? '');
  }
});

/** The transaction of the page has ended by then, so these are understood and refused. */
const EXPECTED_CONFLICTS = ['/retry', '/skip', '/abort', '/pause', '/resume', '/resolve'];

interface Shown {
  readonly method: 'GET';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Reads a curl command as far as the page uses them. */
function requestOf(command: string): Shown {
  // Variables stand between two quoted parts.
  const body = /(?:-d|--json) ((?:'[^']*'|\$\w+)+)/u.exec(command)?.[1]?.replaceAll("'", '');
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
