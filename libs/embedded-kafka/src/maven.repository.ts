import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where everybody may fetch what is published for Java. */
const MAVEN_CENTRAL = 'https://repo1.maven.org/maven2';

/** Where it is looked up which repository this machine uses. */
export interface RepositoryPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/**
 * Returns the URL of the repository to fetch from, without a slash at its end: ATONE_MAVEN_URL, else the mirror of Maven Central
 * that the user's `~/.m2/settings.xml` names, else Maven Central.
 */
export async function mavenRepository(places: Partial<RepositoryPlaces> = {}): Promise<string> {
  const { environment = process.env, home = homedir() } = places;
  const told = environment['ATONE_MAVEN_URL'];
  const url = told || (await mirrorOfCentral(join(home, '.m2', 'settings.xml'))) || MAVEN_CENTRAL;
  return url.replace(/\/+$/u, '');
}

/** A mirror whose URL has to be put together from variables is not understood. */
async function mirrorOfCentral(settings: string): Promise<string | undefined> {
  const text = await readFile(settings, 'utf8').catch(() => '');
  const mirrors = text.replaceAll(/<!--.*?-->/gsu, '').matchAll(/<mirror>(?<mirror>.*?)<\/mirror>/gsu);
  const urls = [...mirrors]
    .map(({ groups }) => groups?.['mirror'] ?? '')
    .filter((mirror) => standsForCentral(elementOf(mirror, 'mirrorOf')))
    .map((mirror) => elementOf(mirror, 'url'));
  return urls.find((url) => /^https?:\/\/[^$]+$/u.test(url));
}

function elementOf(xml: string, name: string): string {
  return new RegExp(`<${name}>(?<text>[^<]*)</${name}>`, 'u').exec(xml)?.groups?.['text']?.trim() ?? '';
}

function standsForCentral(mirrorOf: string): boolean {
  const names = mirrorOf.split(',').map((name) => name.trim());
  return names.some((name) => /^(?:\*|external:\*|central)$/u.test(name)) && !names.includes('!central');
}
