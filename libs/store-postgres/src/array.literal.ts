/*
 * Arrays in the text that PostgreSQL reads. The driver writes them as well, but looks through each element twice, of whatever type it is;
 * a row has a dozen, and its documents are long.
 */

type Absent = null | undefined;

/** Writes what needs no quotes. */
export function plainArray(elements: readonly (number | boolean | Absent)[]): string {
  return `{${elements.map((element) => element ?? 'NULL').join(',')}}`;
}

/** Writes texts, whatever they hold. An array is the text that this has made of it: `unnest` would flatten an array of arrays. */
export function textArray(elements: readonly (string | Absent)[]): string {
  return `{${elements.map((element) => (element === undefined || element === null ? 'NULL' : quoted(element))).join(',')}}`;
}

/** Writes documents as JSON. */
export function jsonArray(documents: readonly unknown[]): string {
  // What JSON has to escape in a JSON text are quotes and backslashes, and just so PostgreSQL wants them.
  return `{${documents.map((document) => JSON.stringify(JSON.stringify(document))).join(',')}}`;
}

const SPECIAL = /["\\]/u;

function quoted(text: string): string {
  return SPECIAL.test(text) ? `"${text.replaceAll(/["\\]/gu, String.raw`\$&`)}"` : `"${text}"`;
}
