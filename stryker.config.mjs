import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * `npm run mutate` changes the core in small ways, a thousand times, and tells which changes no test notices.
 * Not part of CI: it takes minutes.
 */

export default {
  mutate: ['libs/core/src/*.ts', '!libs/core/src/*.spec.ts'],
  thresholds: { high: 95, low: 90, break: 90 },
  testRunner: 'jest',
  plugins: ['@stryker-mutator/jest-runner'],
  jest: { configFile: 'tools/mutation.jest.config.mjs', enableFindRelatedTests: false },
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // ES modules of a finished test run are not freed.
  maxTestRunnerReuse: 100,
  // Not in the tree, where Jest and the linters would find everything twice.
  tempDirName: join(tmpdir(), 'atone-mutants'),
  cleanTempDir: 'always',
  ignorePatterns: ['**', '!libs/core/**', '!tools/*', '!.swcrc', '!jest.config.mjs', 'libs/core/dist'],
  reporters: ['clear-text', 'progress', 'html'],
  htmlReporter: { fileName: 'coverage/mutants.html' },
  clearTextReporter: { reportTests: false },
};
