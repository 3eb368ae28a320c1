export * from '../index.js';
export { AtoneTestingModule } from './testing.module.js';
