import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';

/*
 * Lets plain Node import our TypeScript sources, with the settings of .swcrc, so that what runs outside
 * of Jest's own transformation (its global set-up) needs no build. Use: register(<this file>).
 */

/** Finds `x.ts` where a source says `x.js`, as TypeScript does. */
export async function resolve(specifier, context, nextResolve) {
  const isSource = context.parentURL?.endsWith('.ts') && /^\.{1,2}\/.*\.js$/.test(specifier);
  return nextResolve(isSource ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
  const filename = fileURLToPath(url);
  const { code } = await transform(await readFile(filename, 'utf8'), { filename });
  return { format: 'module', source: code, shortCircuit: true };
}
