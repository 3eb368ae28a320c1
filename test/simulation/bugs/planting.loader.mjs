import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';

/*
 * Loads the sources with a bug in them. It is given the edits when it is registered; each place must be there exactly
 * once, or the bug would not be planted and its absence would look like a find that was missed.
 */

let edits = [];

export function initialize(given) {
  edits = given;
}

export async function load(url, context, nextLoad) {
  const own = url.startsWith('file:') ? edits.filter(({ url: at }) => at === url) : [];
  if (own.length === 0) return nextLoad(url, context);
  const filename = fileURLToPath(url);
  const source = own.reduce((text, edit) => replaceOnce(text, edit), await readFile(filename, 'utf8'));
  const { code } = await transform(source, { filename });
  return { format: 'module', source: code, shortCircuit: true };
}

function replaceOnce(text, { find, replace, url }) {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`A planted bug has lost its place: ${count} times in ${url}: ${find}`);
  return text.replace(find, () => replace);
}
