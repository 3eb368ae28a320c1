import base from '../../jest.config.mjs';

const {
  globalSetup: _setup,
  globalTeardown: _teardown,
  ...system
} = base.projects.find(({ displayName }) => displayName === 'system');

/** @type {import('jest').Config} */
export default {
  rootDir: '../..',
  // Each test starts as many processes as there are cores.
  maxWorkers: 1,
  testTimeout: 900_000,
  projects: [
    {
      ...system,
      rootDir: '.',
      displayName: 'simulation',
      testMatch: ['<rootDir>/test/simulation/*.simulation.ts'],
    },
  ],
};
