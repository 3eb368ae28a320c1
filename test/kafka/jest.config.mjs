import base from '../../jest.config.mjs';

const system = base.projects.find(({ displayName }) => displayName === 'system');

/** @type {import('jest').Config} */
export default {
  rootDir: '../..',
  maxWorkers: 1,
  // On a busy machine a broker takes its time.
  testTimeout: 180_000,
  projects: [
    {
      ...system,
      rootDir: '.',
      displayName: 'kafka',
      testMatch: ['<rootDir>/test/kafka/*.kafka.ts'],
      globalSetup: '<rootDir>/test/kafka/kafka.setup.mjs',
      globalTeardown: '<rootDir>/test/kafka/kafka.teardown.mjs',
    },
  ],
};
