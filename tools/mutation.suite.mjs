import { readdirSync } from 'node:fs';

/*
 * The tests of the core as one: modules are loaded once for each mutant instead of once for each spec, which is most of
 * what a mutant costs. What plays whole sagas at random comes last.
 */
const FOLDER = new URL('../libs/core/src/', import.meta.url);

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.spec.ts'));

for (const name of names.toSorted((left, right) => rank(left) - rank(right))) {
  // Jest learns of tests one after the other.
  // oxlint-disable-next-line no-await-in-loop
  await import(new URL(name, FOLDER).href);
}

function rank(name) {
  return name.includes('.property.') ? 1 : 0;
}
