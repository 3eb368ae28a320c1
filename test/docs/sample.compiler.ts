import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codeBlocks, ROOT } from './markdown.js';

/** As strict as our own sources, and read from them, so that nothing has to be built before. */
const TSCONFIG = {
  extends: '../../../../tsconfig.base.json',
  compilerOptions: {
    composite: false,
    incremental: false,
    noEmit: true,
    typeRoots: ['../../../@types'],
    customConditions: ['@atone/source'],
  },
};

/** A compiler reads the types of NestJS, TypeORM and Express, which takes its time on a busy machine. */
export const COMPILE_TIMEOUT_MS = 60_000;

/** Returns the samples in TypeScript of a page by their file names: the one that the first line tells, or a number. */
export function samplesOf(markdown: string): ReadonlyMap<string, string> {
  const samples = codeBlocks(markdown).filter(({ language }) => language === 'ts');
  return new Map(
    samples.map(({ text }, at) => [
      /^\/\/ (?<file>[\w.-]+\.ts)\b/u.exec(text)?.groups?.['file'] ?? `${at}.ts`,
      text,
    ]),
  );
}

/** Compiles samples as one project. Returns the words of the compiler, none if it has nothing to say. */
export async function compileSamples(samples: ReadonlyMap<string, string>): Promise<string> {
  // Inside the repository, where its packages are found.
  const cache = join(ROOT, 'node_modules', '.cache', 'atone');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'samples-'));
  try {
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ ...TSCONFIG, files: [...samples.keys()] }),
    );
    await Promise.all(Array.from(samples, async ([file, text]) => writeFile(join(folder, file), text)));
    return await wordsOfCompiler(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function wordsOfCompiler(folder: string): Promise<string> {
  const tsc = join(ROOT, 'node_modules', 'typescript-7', 'bin', 'tsc');
  const compiling = promisify(execFile)(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  return compiling.then(
    ({ stdout }) => stdout,
    (error: { readonly stdout: string }) => error.stdout,
  );
}
