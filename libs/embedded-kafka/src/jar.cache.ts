import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DownloadFailedError, NoDiskSpaceError, WrongJarError } from './embedded-kafka.error.js';
import { JARS, JARS_MB, KAFKA_VERSION, type Jar } from './jar.list.js';
import { hasCode } from './system-error.js';

/** Where jars are kept, and where they come from. */
export interface JarSource {
  /** The folder that keeps them. */
  readonly cache: string;
  /** The URL of a repository of Maven. */
  readonly repository: string;
  readonly jars?: readonly Jar[];
  readonly log?: (line: string) => void;
}

/** At once. More would be unkind to the repository, and no faster. */
const DOWNLOADS_MAX = 6;

const ATTEMPTS_MAX = 3;
const PAUSE_MS = 500;

/** For one jar. The greatest has ten megabytes. */
const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;

/** Returns the folder that keeps this version of Kafka for all programs of the user: ATONE_CACHE_DIR, else one below `~/.cache`. */
export function jarCacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const own = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(environment['ATONE_CACHE_DIR'] || join(own, 'atone'), `kafka-${KAFKA_VERSION}`);
}

/**
 * Returns the paths of all jars, each of which is what its sum says. What is missing, or was changed, is fetched.
 *
 * @throws DownloadFailedError, WrongJarError, NoDiskSpaceError
 */
export async function obtainJars({
  cache,
  repository,
  jars = JARS,
  log,
}: JarSource): Promise<readonly string[]> {
  await mkdir(cache, { recursive: true });
  const isThere = await Promise.all(jars.map(async (jar) => isWhole(jar, join(cache, jar.name))));
  const missing = jars.filter((_, position) => !isThere[position]);
  if (missing.length > 0) {
    log?.(`Fetching Apache Kafka ${KAFKA_VERSION} (${JARS_MB} MB, once) from ${hostOf(repository)} …`);
    await fetchAll(missing, { cache, repository });
  }
  return jars.map(({ name }) => join(cache, name));
}

async function isWhole({ sha256 }: Jar, path: string): Promise<boolean> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes !== undefined && sha256Of(bytes) === sha256;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Without the user and password that a URL may have. */
function hostOf(repository: string): string {
  return URL.canParse(repository) ? new URL(repository).host : repository;
}

async function fetchAll(jars: readonly Jar[], source: JarSource): Promise<void> {
  const waiting = [...jars];
  const fetchOneByOne = async () => {
    for (let jar = waiting.shift(); jar !== undefined; jar = waiting.shift()) {
      // oxlint-disable-next-line no-await-in-loop -- several such loops run at once
      await fetchJar(jar, source).catch((cause: unknown) => {
        // The other loops end, too.
        waiting.length = 0;
        throw cause;
      });
    }
  };
  await Promise.all(Array.from({ length: DOWNLOADS_MAX }, fetchOneByOne));
}

/** Puts the jar in its place only when it is whole, and the one that we know. Others may do the same meanwhile. */
async function fetchJar({ name, path, sha256 }: Jar, { cache, repository }: JarSource): Promise<void> {
  const url = `${repository}/${path}`;
  const bytes = await download(url);
  if (sha256Of(bytes) !== sha256) {
    throw new WrongJarError(withoutSecrets(url));
  }
  const draft = join(cache, `${name}.${randomUUID()}`);
  try {
    await writeFile(draft, bytes);
    await rename(draft, join(cache, name));
  } catch (cause) {
    await rm(draft, { force: true });
    throw hasCode(cause, 'ENOSPC') ? new NoDiskSpaceError(cache, { cause }) : cause;
  }
}

async function download(url: string): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt += 1) {
    // oxlint-disable no-await-in-loop -- tries again only when the last try says that it may help
    const got = await tryDownload(url);
    if (got instanceof Uint8Array) {
      return got;
    }
    if (!got.retryable || attempt === ATTEMPTS_MAX) {
      throw new DownloadFailedError(withoutSecrets(url), got.reason, { cause: got.cause });
    }
    await delay(PAUSE_MS * attempt);
    // oxlint-enable no-await-in-loop
  }
}

interface Failure {
  readonly reason: string;
  readonly retryable: boolean;
  readonly cause?: unknown;
}

async function tryDownload(url: string): Promise<Uint8Array | Failure> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
    if (response.ok) {
      return new Uint8Array(await response.arrayBuffer());
    }
    await response.body?.cancel();
    return { reason: `it answered ${response.status}`, retryable: response.status >= 500 };
  } catch (cause) {
    return { reason: reasonOf(cause), retryable: true, cause };
  }
}

/** `fetch` says "fetch failed", and hides why. */
function reasonOf(failure: unknown): string {
  const { message = String(failure), cause } = failure as Partial<Error>;
  return (cause as Partial<Error> | undefined)?.message || message;
}

function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/u, '//');
}
