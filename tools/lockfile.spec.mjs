import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { completed, missingBinaries } from './lockfile.mjs';

const LOCK = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));

test('the lockfile has the optional binaries of all platforms, so that npm ci takes it (else: node tools/lockfile.mjs)', () => {
  expect(missingBinaries(LOCK).map(({ name }) => name)).toEqual([]);
});

test('a binary that npm has left out is entered in its place, for its platform alone', () => {
  const parent = {
    version: '2.0.0',
    license: 'MIT',
    dev: true,
    optionalDependencies: { '@x/linux-x64-gnu': '2.0.0', '@x/linux-arm64-musl': '2.0.0' },
  };
  const present = { version: '2.0.0', cpu: ['x64'], libc: ['glibc'], license: 'MIT', os: ['linux'] };
  const lock = { packages: { 'node_modules/@x/linux-x64-gnu': present, 'node_modules/x': parent } };

  const { packages } = completed(lock);

  expect(Object.keys(packages)).toEqual([
    'node_modules/@x/linux-arm64-musl',
    'node_modules/@x/linux-x64-gnu',
    'node_modules/x',
  ]);
  expect(packages['node_modules/@x/linux-arm64-musl']).toEqual({
    version: '2.0.0',
    cpu: ['arm64'],
    dev: true,
    libc: ['musl'],
    license: 'MIT',
    optional: true,
    os: ['linux'],
  });
});
