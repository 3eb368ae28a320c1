import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A block between fences. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
}

export interface Heading {
  readonly level: number;
  readonly title: string;
}

/** Returns the paths of the files of the repository that Git knows or would add, as far as they are there. */
export function repositoryFiles(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard'];
  const paths = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trimEnd().split('\n');
  return paths.filter((path) => existsSync(join(ROOT, path)));
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

const FENCED = /^(?<fence>`{3,})(?<language>\w*)\n(?<text>[\s\S]*?)^\k<fence>$/gmu;

export function codeBlocks(markdown: string): CodeBlock[] {
  return [...markdown.matchAll(FENCED)].map(({ groups }) => ({
    language: groups?.['language'] ?? '',
    text: groups?.['text'] ?? '',
  }));
}

/** Returns the page without what stands in code blocks, where nothing is a heading or a link. */
export function prose(markdown: string): string {
  return markdown.replaceAll(FENCED, '');
}

export function headings(markdown: string): Heading[] {
  return [...prose(markdown).matchAll(/^(?<marks>#+) (?<title>.+)$/gmu)].map(({ groups }) => ({
    level: groups?.['marks']?.length ?? 0,
    title: groups?.['title'] ?? '',
  }));
}

/** Returns what a link may name behind `#` in the page: the headings' own anchors and those set by hand. */
export function anchors(markdown: string): Set<string> {
  const set = [...prose(markdown).matchAll(/<a id="([^"]+)">/gu)].map(([, id]) => id ?? '');
  return new Set([...headings(markdown).map(({ title }) => slug(title)), ...set]);
}

/** As GitHub makes an anchor from a heading. */
function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** Returns the cells of each row below the head of every table, without the marks of code. */
export function tableRows(markdown: string): string[][] {
  const lines = prose(markdown).split('\n');
  const rules = lines.flatMap((line, at) => (/^\|[ :|-]+\|$/u.test(line) ? [at] : []));
  return rules.flatMap((rule) => {
    const end = lines.findIndex((line, at) => at > rule && !line.startsWith('|'));
    return lines.slice(rule + 1, end === -1 ? undefined : end).map(cells);
  });
}

function cells(line: string): string[] {
  return line
    .slice(1, -1)
    .split(/(?<!\\)\|/u)
    .map((cell) => cell.trim());
}
