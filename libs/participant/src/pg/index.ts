export * from './pg.database.js';
export { guardPool } from './pg.guard.js';
