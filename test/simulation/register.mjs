import { register } from 'node:module';

// Preloaded into the processes that simulate: they run the sources as they are, without a build, and with the bug that
// ATONE_PLANTED_BUG names.
register('../../tools/typescript.loader.mjs', import.meta.url);

const name = process.env.ATONE_PLANTED_BUG;
if (name) {
  const { PLANTED_BUGS } = await import('./bugs/planted.bugs.ts');
  const bug = PLANTED_BUGS.find((one) => one.name === name);
  if (bug === undefined) throw new Error(`There is no planted bug ${name}.`);
  const data = bug.edits.map((edit) => ({
    ...edit,
    url: new URL(`../../${edit.file}`, import.meta.url).href,
  }));
  register('./bugs/planting.loader.mjs', import.meta.url, { data });
}
