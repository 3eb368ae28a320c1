export * from './barrier.migration.js';
export * from './typeorm.database.js';
