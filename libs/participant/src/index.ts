export * from './contract.js';

export * from './client.duration.js';
export * from './saga-builder.errors.js';
export * from './saga-builder.js';
export type * from './saga-builder.types.js';
