export * from './pg.database.js';
