import { parse } from 'yaml';
import { readText } from '../docs/markdown.js';

/** What the tests look at in a service of a Compose file. */
export interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly pull_policy?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}

/** Returns `docker-compose.yml` as Compose reads it where no variable is set. */
export function composeFile(): ComposeFile {
  return parse(withDefaults(readText('docker-compose.yml')), { merge: true }) as ComposeFile;
}

/** Puts the default in the place of each variable. */
function withDefaults(text: string): string {
  return text.replaceAll(/\$\{[A-Z0-9_]+:-(?<value>[^}]*)\}/gu, '$<value>');
}

/** Returns the services that run what is built as `target` of the Dockerfile. */
export function servicesOf(target: string): readonly (readonly [string, ComposeService])[] {
  return Object.entries(composeFile().services).filter(([, { image }]) => image === `atone-${target}`);
}
