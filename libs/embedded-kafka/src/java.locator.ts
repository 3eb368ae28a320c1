import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { NoJavaError } from './embedded-kafka.error.js';
import { runProgram } from './program.run.js';

/** A Java that runs on this machine. */
export interface Java {
  readonly path: string;
  /** As in 17. */
  readonly major: number;
}

/** Where to look. */
export interface JavaPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The folders with one Java each, for systems that leave it off the PATH. */
  readonly usual: () => Promise<readonly string[]>;
}

/** Brokers of Apache Kafka 4 refuse older ones. */
const MAJOR_MIN = 17;

/** Where systems put each Java, and its programs within. */
const USUAL: readonly { readonly parent: string; readonly name: RegExp; readonly bin: string }[] = [
  { parent: '/usr/lib/jvm', name: /./u, bin: 'bin' },
  { parent: '/opt/java', name: /./u, bin: 'bin' },
  { parent: '/Library/Java/JavaVirtualMachines', name: /./u, bin: 'Contents/Home/bin' },
  { parent: '/opt/homebrew/opt', name: /^openjdk(?:@\d+)?$/u, bin: 'bin' },
  { parent: '/usr/local/opt', name: /^openjdk(?:@\d+)?$/u, bin: 'bin' },
  { parent: join(homedir(), '.sdkman', 'candidates', 'java'), name: /./u, bin: 'bin' },
];

/**
 * Returns the first Java that can run Kafka: the one of JAVA_HOME, those on the PATH, those in the folders that systems use.
 *
 * @throws NoJavaError
 */
export async function findJava(places: Partial<JavaPlaces> = {}): Promise<Java> {
  const { environment = process.env, usual = usualFolders } = places;
  const tooOld = new Set<string>();
  for (const folders of [homeOf(environment), pathOf(environment), usual]) {
    // oxlint-disable-next-line no-await-in-loop -- the later ones are not run where an earlier one will do
    const found = await Promise.all((await folders()).map((folder) => tryJava(join(folder, 'java'))));
    const known = found.filter((java) => java !== undefined);
    const good = known.find(({ major }) => major >= MAJOR_MIN);
    if (good !== undefined) {
      return good;
    }
    known.forEach(({ major, path }) => tooOld.add(`Java ${major} at ${path}`));
  }
  throw new NoJavaError(MAJOR_MIN, [...tooOld]);
}

type Folders = () => Promise<readonly string[]>;

function homeOf({ JAVA_HOME: home }: JavaPlaces['environment']): Folders {
  return async () => (home ? [join(home, 'bin')] : []);
}

function pathOf({ PATH: path = '' }: JavaPlaces['environment']): Folders {
  return async () => [...new Set(path.split(delimiter).filter((folder) => folder.startsWith('/')))];
}

async function usualFolders(): Promise<readonly string[]> {
  const found = await Promise.all(
    USUAL.map(async ({ parent, name, bin }) => {
      const entries = await readdir(parent).catch(() => []);
      return entries.filter((entry) => name.test(entry)).map((entry) => join(parent, entry, bin));
    }),
  );
  return found.flat();
}

async function tryJava(path: string): Promise<Java | undefined> {
  const ran = await runProgram(path, ['-version']).catch(() => undefined);
  const major = Number(/ version "(?<major>\d+)/u.exec(ran?.output ?? '')?.groups?.['major']);
  return ran?.exitCode === 0 && major > 0 ? { path, major } : undefined;
}
