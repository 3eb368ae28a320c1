/** How deeply a payload may nest: enough for people, and far from what a recursive reader or writer can bear. */
export const JSON_DEPTH_MAX = 32;

/**
 * Tells whether the JSON in `text` nests deeper than `depthMax`, before anybody parses it: a few thousand brackets are
 * parsed without complaint, and then break whoever writes them out again.
 */
export function nestsDeeper(text: string, depthMax: number): boolean {
  let depth = 0;
  for (let position = 0; position < text.length; position += 1) {
    switch (text.charCodeAt(position)) {
      case QUOTE:
        position = endOfString(text, position);
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        depth += 1;
        if (depth > depthMax) {
          return true;
        }
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        depth -= 1;
        break;
      default:
    }
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Returns where the string that begins at `start` ends. */
function endOfString(text: string, start: number): number {
  let position = start + 1;
  for (;;) {
    const character = text.charCodeAt(position);
    if (character === QUOTE || position >= text.length) {
      return position;
    }
    position += character === BACKSLASH ? 2 : 1;
  }
}
