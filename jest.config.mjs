/** @type {import('jest').Config} */
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['@atone/source', 'node', 'node-addons'] },
  globalSetup: '<rootDir>/tools/jest-postgres.setup.mjs',
  globalTeardown: '<rootDir>/tools/jest-postgres.teardown.mjs',
  setupFiles: ['<rootDir>/tools/property.setup.mjs'],
};

export default {
  // Two servers of ours and their tests already fill a small machine.
  maxWorkers: 2,
  // ES modules of a finished suite are not freed; a worker that has piled up this much is replaced.
  workerIdleMemoryLimit: '1500MB',
  // One with a gigabyte of them needs more than Jest's 0.5 s to end on a busy machine, though nothing is left open in it.
  workerGracefulExitTimeout: 10_000,
  // A hook or test that hangs is found all the same; one on a busy machine must not fail.
  testTimeout: 60_000,
  coverageProvider: 'v8',
  collectCoverageFrom: [
    'libs/*/src/**/*.ts',
    'apps/*/src/**/*.ts',
    '!**/*.spec.ts',
    '!**/index.ts',
    '!**/main.ts',
  ],
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: [
        '<rootDir>/libs/*/src/**/*.spec.ts',
        '<rootDir>/apps/*/src/**/*.spec.ts',
        '<rootDir>/examples/*/src/**/*.spec.ts',
        '<rootDir>/bench/src/**/*.spec.ts',
        '<rootDir>/tools/*.spec.mjs',
      ],
    },
    { ...shared, displayName: 'system', testMatch: ['<rootDir>/test/**/*.spec.ts'] },
  ],
};
