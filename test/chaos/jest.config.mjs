import base from '../../jest.config.mjs';

const {
  globalSetup: _setup,
  globalTeardown: _teardown,
  ...system
} = base.projects.find(({ displayName }) => displayName === 'system');

/** @type {import('jest').Config} */
export default {
  rootDir: '../..',
  maxWorkers: 1,
  testTimeout: 900_000,
  projects: [
    { ...system, rootDir: '.', displayName: 'chaos', testMatch: ['<rootDir>/test/chaos/*.chaos.ts'] },
  ],
};
