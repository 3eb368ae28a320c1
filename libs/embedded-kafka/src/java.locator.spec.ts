import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findJava } from './java.locator.js';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'atone java '));
});

afterEach(() => rm(root, { recursive: true }));

/** Makes a Java that tells this version, and returns the folder of its programs. */
async function install(name: string, version: string): Promise<string> {
  const bin = join(root, name, 'bin');
  await mkdir(bin, { recursive: true });
  const words = `echo 'openjdk version "${version}" 2025-01-01' >&2`;
  await writeFile(join(bin, 'java'), `#!/bin/sh\n[ "$1" = -version ] && ${words}\n`, { mode: 0o700 });
  return bin;
}

const nothing = async () => [];

test('the Java of JAVA_HOME comes first, whatever is on the PATH', async () => {
  await install('home', '21.0.2');
  const path = await install('path', '17.0.15');

  const java = await findJava({
    environment: { JAVA_HOME: join(root, 'home'), PATH: path },
    usual: nothing,
  });

  expect(java).toEqual({ path: join(root, 'home', 'bin', 'java'), major: 21 });
});

test('one that is too old is passed over, wherever it is', async () => {
  await install('home', '1.8.0_402');
  const path = [await install('eleven', '11.0.22'), await install('seventeen', '17')].join(delimiter);

  const java = await findJava({ environment: { JAVA_HOME: join(root, 'home'), PATH: path }, usual: nothing });

  expect(java).toEqual({ path: join(root, 'seventeen', 'bin', 'java'), major: 17 });
});

test('one that is not on the PATH is found where systems keep theirs', async () => {
  const bin = await install('usual', '25-ea');

  const java = await findJava({ environment: {}, usual: async () => [join(root, 'absent'), bin] });

  expect(java).toEqual({ path: join(bin, 'java'), major: 25 });
});

test('what cannot be run, or says nothing of a version, is no Java', async () => {
  const bin = await install('broken', '17');
  await writeFile(
    join(bin, 'java'),
    '#!/bin/sh\necho "No Java runtime present, requesting install." >&2\nexit 1\n',
  );

  const search = findJava({ environment: { PATH: bin }, usual: nothing });

  await expect(search).rejects.toThrow(
    'Apache Kafka needs Java 17 or later, and there is none here: install one, or set JAVA_HOME to its folder.',
  );
});

test('where all are too old the error names them', async () => {
  const bin = await install('old', '11.0.22');

  const search = findJava({ environment: { PATH: bin }, usual: nothing });

  await expect(search).rejects.toMatchObject({
    code: 'NO_JAVA',
    retryable: false,
    message: expect.stringContaining(`(found Java 11 at ${join(bin, 'java')})`),
  });
});
