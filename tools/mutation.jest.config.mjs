import { fileURLToPath } from 'node:url';
import base from '../jest.config.mjs';

const {
  globalSetup: _setup,
  globalTeardown: _teardown,
  displayName: _name,
  ...unit
} = base.projects.find(({ displayName }) => displayName === 'unit');

/**
 * The tests of the core alone. They need no database, so none is started.
 *
 * @type {import('jest').Config}
 */
export default {
  ...unit,
  rootDir: '..',
  roots: ['<rootDir>/libs/core', '<rootDir>/tools'],
  testEnvironment: fileURLToPath(new URL('mutation.environment.cjs', import.meta.url)),
  testMatch: ['<rootDir>/tools/mutation.suite.mjs'],
  setupFiles: ['<rootDir>/tools/mutation.setup.mjs'],
};
