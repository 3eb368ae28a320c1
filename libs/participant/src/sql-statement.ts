/** Statements that change nothing, or nothing that outlives the transaction. Any other one counts as a write. */
const HARMLESS = new Set([
  'abort',
  'begin',
  'close',
  'commit',
  'deallocate',
  'declare',
  'discard',
  'end',
  'fetch',
  'listen',
  'move',
  'release',
  'reset',
  'rollback',
  'savepoint',
  'set',
  'show',
  'start',
  'table',
  'unlisten',
  'values',
]);

const WRITING_WORDS = new Set(['insert', 'update', 'delete', 'merge']);

const CONTROL_WORDS = new Set(['begin', 'start', 'commit', 'end', 'abort', 'rollback', 'prepare']);

const MAY_CONTROL = /\b(?:begin|start|commit|end|abort|rollback|prepare)\b/iu;

/** What a statement is made of, without comments, literals and quoted names: words in lower case, and ( ) ;. */
type Token = string;

/**
 * Returns the word that makes `sql` a writing statement, or undefined if it only reads.
 *
 * Functions are not looked into: `select next_invoice()` counts as a read.
 */
export function writingWord(sql: string): string | undefined {
  return statementsOf(sql).map(writingWordOf).find(isDefined);
}

/** Tells whether `sql` begins or ends a transaction. Savepoints do not. */
export function endsTransaction(sql: string): boolean {
  return MAY_CONTROL.test(sql) && statementsOf(sql).some(isControl);
}

function writingWordOf(tokens: readonly Token[]): string | undefined {
  const words = tokens.slice(tokens.findIndex((token) => token !== '('));
  const [first = ''] = words;
  switch (first) {
    case '':
      return undefined;
    case 'select':
      return words.includes('into') ? 'select into' : undefined;
    case 'with':
      return writingWordOfWith(words);
    case 'explain':
      return words.includes('analyze') ? words.find((word) => WRITING_WORDS.has(word)) : undefined;
    default:
      return HARMLESS.has(first) ? undefined : first;
  }
}

/** `with a as (delete …) select`, `with a as (select …) insert`; but not `for update` and `do update`. */
function writingWordOfWith(tokens: readonly Token[]): string | undefined {
  const word = tokens.find((token, index) => {
    const before = tokens[index - 1];
    return WRITING_WORDS.has(token) && (before === '(' || before === ')');
  });
  return word ?? (tokens.includes('into') ? 'select into' : undefined);
}

function isControl(tokens: readonly Token[]): boolean {
  const [first = '', ...rest] = tokens;
  if (first === 'rollback') {
    return !rest.slice(0, 2).includes('to');
  }
  return first === 'prepare' ? rest[0] === 'transaction' : CONTROL_WORDS.has(first);
}

function statementsOf(sql: string): Token[][] {
  const statements: Token[][] = [[]];
  for (const token of tokensOf(sql)) {
    if (token === ';') {
      statements.push([]);
    } else {
      statements.at(-1)?.push(token);
    }
  }
  return statements.filter((tokens) => tokens.some((token) => token !== '(' && token !== ')'));
}

const TOKEN =
  /--[^\n]*|(?<comment>\/\*)|e'(?:[^'\\]+|\\.|'')*'|'[^']*'|"[^"]*"|(?<dollar>\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)|(?<word>[a-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<mark>[();])|\d+|./gisu;

function* tokensOf(sql: string): Generator<Token> {
  const pattern = new RegExp(TOKEN);
  for (let match = pattern.exec(sql); match !== null; match = pattern.exec(sql)) {
    const { comment, dollar, word, mark } = match.groups ?? {};
    if (comment !== undefined) {
      pattern.lastIndex = endOfComment(sql, match.index);
    } else if (dollar !== undefined) {
      pattern.lastIndex = endAfter(sql, dollar, pattern.lastIndex);
    } else if (word !== undefined) {
      yield word.toLowerCase();
    } else if (mark !== undefined) {
      yield mark;
    }
  }
}

/** Comments nest in PostgreSQL. */
function endOfComment(sql: string, start: number): number {
  const pattern = /\/\*|\*\//gu;
  pattern.lastIndex = start;
  let depth = 0;
  for (let match = pattern.exec(sql); match !== null; match = pattern.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) {
      return pattern.lastIndex;
    }
  }
  return sql.length;
}

function endAfter(sql: string, text: string, from: number): number {
  const at = sql.indexOf(text, from);
  return at === -1 ? sql.length : at + text.length;
}

function isDefined(word: string | undefined): word is string {
  return word !== undefined;
}
