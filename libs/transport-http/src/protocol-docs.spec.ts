import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  branchReplySchema,
  checkSignature,
  commandBatchSchema,
  decisionRequestSchema,
  doubtsRequestSchema,
  noticesRequestSchema,
  participantInstanceSchema,
  registrationRequestSchema,
  replyEnvelopeSchema,
  verdictsSchema,
} from '@atone/protocol';
import { commandTo } from '@atone/engine/conformance';
import { ManualClock } from '@atone/engine/testing';
import { describe, expect, test } from '@jest/globals';
import { classifyPlain, LIBRARY_STATUSES, PLAIN_STATUSES } from './classification.js';
import { DEFAULT_LIMITS } from './limits.js';

const SCHEMAS = {
  branchReplySchema,
  commandBatchSchema,
  decisionRequestSchema,
  doubtsRequestSchema,
  noticesRequestSchema,
  participantInstanceSchema,
  registrationRequestSchema,
  replyEnvelopeSchema,
  verdictsSchema,
} as const;
const FENCE = /(?:<!-- check: (?<schema>\w+) -->\s+)?```(?<kind>json|ndjson)\n(?<text>[\s\S]*?)\n```/gu;
const PAGES = ['README.md', 'plain-http.md', 'library-http.md', 'led.md'] as const;

interface Example {
  readonly schema: string | undefined;
  readonly documents: readonly unknown[];
}

async function page(name: (typeof PAGES)[number]): Promise<string> {
  return readFile(new URL(`../../../docs/protocol/${name}`, import.meta.url), 'utf8');
}

async function examples(name: (typeof PAGES)[number]): Promise<readonly Example[]> {
  return [...(await page(name)).matchAll(FENCE)].map(({ groups }) => {
    const text = groups?.['text'] ?? '';
    const texts = groups?.['kind'] === 'ndjson' ? text.split('\n') : [text];
    return { schema: groups?.['schema'], documents: texts.map((one): unknown => JSON.parse(one)) };
  });
}

describe('the examples of the protocol pages', () => {
  test('fit the schemas that they illustrate', async () => {
    const all = (await Promise.all(PAGES.map(examples))).flat();
    const checked = all.filter(({ schema }) => schema !== undefined);

    for (const { schema, documents } of checked) {
      for (const document of documents) {
        expect(SCHEMAS[schema as keyof typeof SCHEMAS].parse(document)).toEqual(document);
      }
    }
    expect(new Set(checked.map(({ schema }) => schema))).toEqual(new Set(Object.keys(SCHEMAS)));
  });

  test('show every outcome of a reply', async () => {
    const replies = (await examples('library-http.md')).find(({ schema }) => schema === 'branchReplySchema');

    expect(replies?.documents.map((reply) => branchReplySchema.parse(reply).outcome).toSorted()).toEqual([
      'already-undone',
      'closed',
      'confirmed',
      'done',
      'lost',
      'not-yet',
      'refused',
      'undone',
      'unknown',
    ]);
  });

  test('hold a signature that is right', async () => {
    const text = await page('README.md');
    const [, path = '', header = '', body = ''] =
      /POST (\S+)\natone-signature: (\S+)\n\n(.+)\n/u.exec(text) ?? [];
    const [, secret = ''] = /for the secret `([^`]+)`/u.exec(text) ?? [];
    const trust = { keys: [{ keyId: 'k1', secret }], nowMs: 1_767_225_600_000 };

    expect(checkSignature({ method: 'POST', path, body }, header, trust)).toEqual({ ok: true });
    expect(text).toContain(`\`POST\\n${path}\\n1767225600000\\n${body}\``);
  });

  test('hold a hash of a secret, and one of an input, that are right', async () => {
    const text = await page('led.md');
    const [, secret = ''] = /"secret": "(\w+)"/u.exec(text) ?? [];
    const hashes = new Set([...text.matchAll(/"secretHash": "(\w+)"/gu)].map(([, hash]) => hash));

    expect([...hashes]).toEqual([sha256(secret)]);
    expect(text).toContain('"input": { "room": "double", "nights": 2 }');
    expect(text).toContain(`"inputHash": "${sha256('{"nights":2,"room":"double"}')}"`);
  });

  test('show a problem document that is read as they say', async () => {
    const problem = (await examples('plain-http.md')).flatMap(({ documents }) => documents)[1];
    const answer = { status: 409, headers: {}, text: JSON.stringify(problem), isWhole: true };

    expect(classifyPlain(commandTo('stock'), answer, new ManualClock().now())).toEqual({
      outcome: 'refused',
      refusal: { reason: 'only 1 of a-1 is left', details: { left: 1 }, isStored: true },
    });
  });
});

describe('the tables of the protocol pages', () => {
  test('name every status that means something of its own', async () => {
    const [plain, library] = await Promise.all([page('plain-http.md'), page('library-http.md')]);

    for (const status of Object.keys(PLAIN_STATUSES)) {
      expect(plain).toMatch(new RegExp(`^\\| [^|]*\\b${status}\\b`, 'mu'));
    }
    for (const status of Object.keys(LIBRARY_STATUSES)) {
      expect(library).toMatch(new RegExp(`^\\| [^|]*\\b${status}\\b`, 'mu'));
    }
  });

  test('name the limits as they are', async () => {
    const library = await page('library-http.md');

    expect(library).toContain(`1 to ${DEFAULT_LIMITS.commandCountMax} commands`);
    expect(library).toContain(`${DEFAULT_LIMITS.bodyBytesMax / 1_048_576} MiB`);
    expect(library).toContain(`${DEFAULT_LIMITS.replyBytesMax / 1_024} KiB`);
  });
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
