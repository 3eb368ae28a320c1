/** A call of the REST API as a page shows it: curl, and perhaps jq behind it. */
export interface ShownCall {
  readonly text: string;
  readonly method: string;
  /** Still with its variables. */
  readonly url: string;
  readonly body: string | undefined;
  readonly filter: string | undefined;
  /** The variable that takes the output. */
  readonly variable: string | undefined;
}

/** Returns the commands of a block; a line break inside quotes ends none. */
export function commandsOf(block: string): string[] {
  return [...block.matchAll(/(?:[^'\n]|'[^']*')+/gu)].map(([text]) => text);
}

/** Reads a command as far as the README uses curl. Undefined for any other command. */
export function readCall(text: string): ShownCall | undefined {
  if (!/^(?:\w+=\$\()?curl /u.test(text)) {
    return undefined;
  }
  const body = part(text, /--json '(?<part>[^']*)'/u);
  return {
    text,
    body,
    method: part(text, /-X (?<part>\w+)/u) ?? (body === undefined ? 'GET' : 'POST'),
    url: part(text, /(?<part>\$ATONE\/[^\s"]*)/u) ?? '',
    filter: part(text, /jq (?:-\w )?'?(?<part>[^')]+)'?/u),
    variable: part(text, /^(?<part>\w+)=\$\(/u),
  };
}

function part(text: string, pattern: RegExp): string | undefined {
  return pattern.exec(text)?.groups?.['part'];
}

/** Does what jq does with the filters of the README: `.a`, `{ a, b: .c.d }`, and one of these behind `.list[] |`. */
export function applyFilter(filter: string, value: unknown): unknown {
  const { list, rest = filter } = /^\.(?<list>\w+)\[\] \| (?<rest>.+)$/u.exec(filter)?.groups ?? {};
  if (list !== undefined) {
    return (at(value, `.${list}`) as readonly unknown[]).map((one) => applyFilter(rest, one));
  }
  const fields = /^\{ (?<fields>.+) \}$/u.exec(rest)?.groups?.['fields']?.split(', ');
  if (fields === undefined) {
    return at(value, rest);
  }
  const pairs = fields.map((field) => field.split(': ') as [string, string?]);
  return Object.fromEntries(pairs.map(([name, path = `.${name}`]) => [name, at(value, path)]));
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .slice(1)
    .reduce<unknown>((found, name) => (found as Record<string, unknown> | undefined)?.[name], value);
}

/** Returns the documents in an output of jq: one over several lines, or one in each line. */
export function documentsOf(output: string): unknown[] {
  const texts = output.startsWith('{\n') ? [output] : output.trimEnd().split('\n');
  return texts.map((text) => JSON.parse(text) as unknown);
}
