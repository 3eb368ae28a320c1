/** What a text says, or the rule that it breaks: the rest of a sentence that begins with the name of the variable. */
export type Read<Value> = { readonly value: Value } | { readonly rule: string };

const BROKER = /^[^\s,:/@[\]]+:\d{1,5}$/u;

const PORT_MAX = 65_535;

/** Reads `host:port`, or several of them with commas, and spaces, between. */
export function brokersOf(text: string): Read<readonly string[]> {
  const places = text.split(',').map((place) => place.trim());
  if (!places.every((place) => BROKER.test(place))) {
    return { rule: 'must be host:port, or several of them with commas between' };
  }
  return places.every((place) => Number(place.split(':')[1]) <= PORT_MAX)
    ? { value: places }
    : { rule: `must be host:port, with ports up to ${PORT_MAX}` };
}

/** Reads what the names of topics and groups begin with. */
export function prefixOf(text: string): Read<string> {
  return /^[A-Za-z0-9._-]{0,63}[A-Za-z0-9_-]$/u.test(text)
    ? { value: text }
    : { rule: 'must consist of up to 64 letters, digits, dots, hyphens and underscores, and end in no dot' };
}

/** Reads one of some words. */
export function oneOf<const Word extends string>(words: readonly Word[], text: string): Read<Word> {
  const value = words.find((word) => word === text);
  return value === undefined ? { rule: `must be one of ${words.join(', ')}` } : { value };
}

/** Reads `true` or `false`. */
export function flag(text: string): Read<boolean> {
  return ['true', 'false'].includes(text) ? { value: text === 'true' } : { rule: 'must be true or false' };
}

/** Reads a whole number from 1. */
export function wholeNumber(text: string, max: number): Read<number> {
  const value = /^\d{1,9}$/u.test(text) ? Number(text) : 0;
  return value >= 1 && value <= max ? { value } : { rule: `must be a whole number from 1 to ${max}` };
}
