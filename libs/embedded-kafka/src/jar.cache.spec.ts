import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { jarCacheFolder, obtainJars } from './jar.cache.js';
import { KAFKA_VERSION, type Jar } from './jar.list.js';

let parent: string;
let cache: string;
let server: Server;
let repository: string;
/** What the repository answers, by path, one after the other; the last one for good. */
let answersTo: Map<string, (string | number)[]>;
let asked: string[];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'atone-jars-'));
  cache = join(parent, 'kafka');
  answersTo = new Map();
  asked = [];
  server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const answers = answersTo.get(url) ?? [404];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    response.writeHead(typeof answer === 'number' ? answer : 200).end(String(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  repository = `http://127.0.0.1:${(server.address() as AddressInfo).port}/maven`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(parent, { recursive: true });
});

/** Returns a jar of these bytes, which the repository has after it gave these answers. */
function publish(name: string, bytes: string, ...before: (string | number)[]): Jar {
  const path = `org/test/${name}/1/${name}-1.jar`;
  answersTo.set(`/maven/${path}`, [...before, bytes]);
  return { name: `${name}-1.jar`, path, sha256: createHash('sha256').update(bytes).digest('hex') };
}

test('jars are fetched once, and kept under their names', async () => {
  const jars = Array.from({ length: 9 }, (_, position) => publish(`jar${position}`, `bytes ${position}`));

  const first = await obtainJars({ cache, repository, jars });
  const second = await obtainJars({ cache, repository, jars });

  expect(first).toEqual(jars.map(({ name }) => join(cache, name)));
  expect(second).toEqual(first);
  expect(await Promise.all(first.map((path) => readFile(path, 'utf8')))).toContain('bytes 8');
  expect(asked).toHaveLength(9);
});

test('one that was changed since is fetched again, and no other', async () => {
  const jars = [publish('good', 'good'), publish('bad', 'right')];
  await obtainJars({ cache, repository, jars });
  await writeFile(join(cache, 'bad-1.jar'), 'wrong');
  asked.length = 0;

  await obtainJars({ cache, repository, jars });

  expect(asked).toEqual(['/maven/org/test/bad/1/bad-1.jar']);
  expect(await readFile(join(cache, 'bad-1.jar'), 'utf8')).toBe('right');
});

test('people are told what is fetched and from where, once, and no password', async () => {
  const jars = [publish('one', '1')];
  const lines: string[] = [];
  const source = { cache, repository: repository.replace('//', '//me:secret@'), jars };
  const log = (line: string) => void lines.push(line);
  await obtainJars({ ...source, repository, log });

  await obtainJars({ ...source, log });

  expect(lines).toEqual([
    expect.stringMatching(
      new RegExp(`^Fetching Apache Kafka ${KAFKA_VERSION} .* from 127\\.0\\.0\\.1:\\d+ …$`, 'u'),
    ),
  ]);
});

test('what has another sum is refused, and not kept', async () => {
  const jar = { ...publish('fake', 'true bytes'), sha256: '0'.repeat(64) };

  const fetching = obtainJars({ cache, repository, jars: [jar] });

  await expect(fetching).rejects.toMatchObject({ code: 'WRONG_JAR', url: `${repository}/${jar.path}` });
  expect(await readdir(cache)).toEqual([]);
});

test('a repository that is out of order for a moment is asked again', async () => {
  const jar = publish('slow', 'late', 503);

  await obtainJars({ cache, repository, jars: [jar] });

  expect(await readFile(join(cache, jar.name), 'utf8')).toBe('late');
});

test('a jar that is not there is an error that says what to do, and hides a password', async () => {
  const jar = { name: 'none-1.jar', path: 'org/test/none/1/none-1.jar', sha256: '0' };
  server.removeAllListeners('request');
  server.on('request', (_request, response) => response.writeHead(403).end());

  const fetching = obtainJars({ cache, repository, jars: [jar] });

  await expect(fetching).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message:
      `A part of Apache Kafka could not be fetched from ${repository}/${jar.path}: it answered 403. ` +
      'Where Maven Central is out of reach, set ATONE_MAVEN_URL to a mirror of it.',
  });
});

test('where nobody listens the error says so', async () => {
  const jars = [publish('one', '1')];
  server.closeAllConnections();
  server.close();

  const fetching = obtainJars({ cache, repository, jars });

  await expect(fetching).rejects.toMatchObject({ reason: expect.stringContaining('ECONNREFUSED') });
});

test('all programs of a user share one folder, which ATONE_CACHE_DIR moves', () => {
  const name = `kafka-${KAFKA_VERSION}`;

  expect(jarCacheFolder({})).toBe(join(homedir(), '.cache', 'atone', name));
  expect(jarCacheFolder({ XDG_CACHE_HOME: '/caches' })).toBe(join('/caches', 'atone', name));
  expect(jarCacheFolder({ XDG_CACHE_HOME: '/caches', ATONE_CACHE_DIR: '/mine' })).toBe(join('/mine', name));
});
