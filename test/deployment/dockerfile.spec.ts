import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Copy } from 'dockerfile-ast';
import { readText, repositoryFiles, ROOT } from '../docs/markdown.js';
import { composeFile } from './compose.file.js';
import { argumentsOf, chain, commandOf, STAGES } from './docker.file.js';

describe('the Dockerfile', () => {
  test('has a target for each image of docker-compose.yml', () => {
    const targets = Object.values(composeFile().services).flatMap(({ build }) => build?.target ?? []);

    expect([...new Set(targets)].filter((target) => !STAGES.some(({ name }) => name === target))).toEqual([]);
  });

  test('builds on images of Node of one version, and on nothing else', () => {
    const bases = STAGES.map(({ from }) => from).filter((from) => !STAGES.some(({ name }) => name === from));

    expect([...new Set(bases)]).toEqual(['node:24-bookworm-slim']);
  });

  test.each(['coordinator', 'music-shop'])(
    'runs %s as nobody in particular, and has it told to stop',
    (target) => {
      expect(argumentsOf(target, 'USER')).toEqual(['node']);
      expect(argumentsOf(target, 'STOPSIGNAL')).toEqual(['SIGTERM']);
      expect(argumentsOf(target, 'ENV')).toContain('NODE_ENV=production');
    },
  );

  test.each(['coordinator', 'music-shop'])(
    'has Node take the signals in %s, with a program that is there',
    (target) => {
      const [program, ...words] = commandOf(target);
      const entry = words.find((word) => !word.startsWith('--')) ?? '';

      expect(program).toBe('node');
      expect(existsSync(join(ROOT, entry.replace('/dist/', '/src/').replace(/\.js$/u, '.ts')))).toBe(true);
    },
  );

  test.each(['coordinator', 'music-shop'])(
    'has Node keep silent in %s about the negative times that kafkajs sets timers to',
    (target) => {
      expect(commandOf(target)).toContain('--disable-warning=TimeoutNegativeWarning');
    },
  );

  test.each(['coordinator', 'music-shop'])(
    'copies into %s what was put together for it, and nothing else',
    (target) => {
      const copies = chain(target)
        .filter((instruction) => instruction instanceof Copy)
        .map((copy) => `${copy.getFromFlag()?.getValue()}: ${copy.getArgumentsContent()}`);
      const built = argumentsOf('build', 'RUN').join('\n');
      const [folder = ''] = /(?:apps|examples)\/[^/]+/u.exec(commandOf(target).at(-1) ?? '') ?? [];

      expect(copies).toEqual([`build: /image/${target} ./`]);
      expect(built).toContain(`node tools/image.mjs ${folder} /image/${target}`);
      expect(built).toMatch(new RegExp(`typescript-7/bin/tsc -b .*${folder}`, 'u'));
    },
  );

  test('installs by the lockfile, and runs no scripts of packages', () => {
    expect(argumentsOf('build', 'RUN')[0]).toBe('npm ci --ignore-scripts');
  });
});

describe('.dockerignore', () => {
  const lines = readText('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const kept = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));

  test('leaves out everything but what is named, and of that what is compiled and installed', () => {
    expect(lines[0]).toBe('*');
    expect(lines).toEqual(expect.arrayContaining(['**/dist', '**/node_modules', '**/.env*']));
    expect(kept.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('lets through what npm and the compiler need', () => {
    const needed = [
      ...repositoryFiles().filter((path) =>
        /^(?:libs|apps|examples)\/[^/]+\/(?:package|tsconfig)\.json$/u.test(path),
      ),
      'package.json',
      'package-lock.json',
      '.npmrc',
      'tsconfig.base.json',
      'tools/image.mjs',
      'test/package.json',
      'bench/package.json',
    ];

    expect(
      needed.filter((path) => !kept.some((each) => path === each || path.startsWith(`${each}/`))),
    ).toEqual([]);
  });
});
