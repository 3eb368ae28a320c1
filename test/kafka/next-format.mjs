/*
 * Hooks for a coordinator of a version to come: it is the present one, except that it writes and reads rows of the next format.
 */

const DEFINED_IN = '/libs/engine/dist/log.port.js';
const DEFINITION = /\bROW_FORMAT = (\d+);/;

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (!url.endsWith(DEFINED_IN)) return loaded;
  const source = String(loaded.source);
  const format = Number(DEFINITION.exec(source)?.[1]);
  if (!(format >= 1)) throw new Error(`${url} does not define ROW_FORMAT as ${String(DEFINITION)} has it.`);
  return { ...loaded, source: source.replace(DEFINITION, `ROW_FORMAT = ${format + 1};`) };
}
