/** How deeply a payload may nest: enough for people, and far from what a recursive reader or writer can bear. */
export const JSON_DEPTH_MAX = 32;

/**
 * Tells whether the JSON in `text` nests deeper than `depthMax`, before anybody parses it: a few thousand brackets are
 * parsed without complaint, and then break whoever writes them out again.
 */
export function nestsDeeper(text: string, depthMax: number): boolean {
  let depth = 0;
  for (let position = 0; position < text.length; position += 1) {
    const character = text.charAt(position);
    if (character === '"') {
      position = endOfString(text, position);
    } else if (character === '[' || character === '{') {
      depth += 1;
    } else if (character === ']' || character === '}') {
      depth -= 1;
    }
    if (depth > depthMax) {
      return true;
    }
  }
  return false;
}

/** Returns where the string that begins at `start` ends. */
function endOfString(text: string, start: number): number {
  let position = start + 1;
  while (position < text.length && text.charAt(position) !== '"') {
    position += text.charAt(position) === '\\' ? 2 : 1;
  }
  return position;
}
