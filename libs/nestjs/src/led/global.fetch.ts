import { atoneFetch } from '@atone/participant';
import { isCarried, isMandatory, isNamed } from './propagation.rules.js';

type Fetch = typeof globalThis.fetch;

/** Shared by all copies of this library in the process. */
const KEY = Symbol.for('atone.fetch');

const shared = globalThis as { [KEY]?: { readonly original: Fetch } };

/** Lets the calls of the global `fetch` carry the led transaction around them, where the rules say so. Once for each process. */
export function wrapGlobalFetch(): void {
  shared[KEY] ??= { original: replaceFetch() };
}

function replaceFetch(): Fetch {
  const original = globalThis.fetch;
  // Only of services that are named is it known that they take a request twice.
  const toNamed = atoneFetch(original, {
    propagateTo: (url) => isNamed(url, 'fetch'),
    mandatoryTo: (url) => isMandatory(url, 'fetch'),
  });
  const toAll = atoneFetch(original);
  globalThis.fetch = (input, init) => {
    const url = urlOf(input);
    if (url === undefined || !isCarried(url, 'fetch')) {
      return original(input, init);
    }
    return isNamed(url, 'fetch') ? toNamed(input, init) : toAll(input, init);
  };
  return original;
}

function urlOf(input: Parameters<Fetch>[0]): URL | undefined {
  const text = typeof input === 'string' || input instanceof URL ? String(input) : input.url;
  return URL.canParse(text) ? new URL(text) : undefined;
}
