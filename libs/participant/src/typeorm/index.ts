export { guardDataSource, type GuardableDataSource } from '../data-source.guard.js';
export * from './barrier.migration.js';
export * from './typeorm.database.js';
