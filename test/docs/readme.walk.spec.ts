import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import type { Problem } from '@atone/protocol';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ask } from '../harness/rest.js';
import { TestCoordinator } from '../harness/test.coordinator.js';
import { until } from '../harness/until.js';
import { anchors, codeBlocks, readText, type CodeBlock } from './markdown.js';
import { applyFilter, commandsOf, documentsOf, readCall, type ShownCall } from './shell.js';

let database: TestDatabase;
let coordinator: TestCoordinator;
let mailPort: number;
let mail: Server | undefined;
const variables = new Map<string, string>();

beforeAll(async () => {
  database = await createTestDatabase();
  coordinator = await TestCoordinator.start({ databaseUrl: database.url });
  variables.set('ATONE', coordinator.url);
  mailPort = await freePort();
}, 60_000);

afterAll(async () => {
  await coordinator.close();
  await closeMail();
  await database.drop();
});

test('who follows "Look around" in the README sees what is shown there', async () => {
  const blocks = codeBlocks(sectionOf(readText('README.md'), 'Look around'));
  const seen: unknown[][] = [];

  for (const [at, block] of blocks.entries()) {
    if (block.language === 'sh') {
      // oxlint-disable-next-line no-await-in-loop -- each block goes on from what the one before has done
      seen.push(await follow(block, blocks[at + 1]));
    }
  }

  expect(seen.flat().length).toBeGreaterThan(5);
  expect(seen.flat()).toEqual(blocks.filter(({ language }) => language === 'text').flatMap(shownIn));
});

test('the type of a problem document leads to its explanation', async () => {
  const { body } = await ask<Problem>(`GET ${coordinator.url}/v1/transactions/none`);

  expect(anchors(readText('docs/errors.md'))).toContain(body.type.replace('urn:atone:problem:', ''));
});

function sectionOf(page: string, title: string): string {
  const from = page.indexOf(`\n## ${title}\n`);
  return page.slice(from, page.indexOf('\n## ', from + 1));
}

/** Does what the block says, and returns what it prints. */
async function follow(block: CodeBlock, next: CodeBlock | undefined): Promise<unknown[]> {
  const expected = next?.language === 'text' ? shownIn(next) : [];
  const printed: unknown[] = [];
  for (const command of commandsOf(block.text)) {
    const call = readCall(command);
    if (call === undefined) {
      // oxlint-disable-next-line no-await-in-loop -- one command after the other
      await runOther(command);
    } else {
      // oxlint-disable-next-line no-await-in-loop
      printed.push(...(await patiently(call, expected[printed.length])));
    }
  }
  return printed;
}

/** A newcomer types slower than a test, so what is not there yet is asked for again. */
async function patiently(call: ShownCall, expected: unknown): Promise<unknown[]> {
  if (expected === undefined) {
    return make(call);
  }
  return until(`\`${call.text}\` prints ${JSON.stringify(expected)}`, async () => {
    const printed = await make(call);
    return JSON.stringify(printed[0]) === JSON.stringify(expected) && printed;
  });
}

async function make(call: ShownCall): Promise<unknown[]> {
  const url = call.url.replaceAll(/\$(?<name>\w+)/gu, (_, name: string) => variables.get(name) ?? '');
  const body = call.body?.replaceAll('7099', String(mailPort));
  const headers = { 'content-type': 'application/json' };
  const answer = await ask(`${call.method} ${url}`, body === undefined ? {} : { body, headers });
  const output = call.filter === undefined ? [] : [applyFilter(call.filter, answer.body)].flat();
  if (call.variable === undefined) {
    return output.map(neutral);
  }
  variables.set(call.variable, String(output[0]));
  return [];
}

async function runOther(command: string): Promise<void> {
  if (command.startsWith('node -e')) {
    mail = createServer((request, answer) => request.resume().on('end', () => answer.end()));
    await listen(mail, mailPort);
  } else if (command === 'kill %1') {
    await closeMail();
  } else {
    expect(command).toBe('ATONE=http://127.0.0.1:7070');
  }
}

function shownIn({ text }: CodeBlock): unknown[] {
  return documentsOf(text).map(neutral);
}

/** Returns an output without what differs from run to run: instants, and the port of the mail service. */
function neutral(output: unknown): unknown {
  const text = JSON.stringify(output).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z|(?<=127\.0\.0\.1:)\d+/gu, '…');
  return JSON.parse(text) as unknown;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  await close(server);
  return port;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function closeMail(): Promise<void> {
  if (mail !== undefined) {
    await close(mail);
    mail = undefined;
  }
}
