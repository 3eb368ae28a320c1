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

/**
 * Writes documents as one JSON array, which `json_array_elements` takes apart letter by letter. As elements of an array of PostgreSQL each
 * would be written twice, the second time to escape the quotes of the first.
 */
export function jsonArray(documents: readonly unknown[]): string {
  return JSON.stringify(documents);
}

const SPECIAL = /["\\]/u;

function quoted(text: string): string {
  return SPECIAL.test(text) ? `"${text.replaceAll(/["\\]/gu, String.raw`\$&`)}"` : `"${text}"`;
}
