export * from './contract.js';

export * from './client.duration.js';
export * from './saga-builder.errors.js';
export * from './saga-builder.js';
export type * from './saga-builder.types.js';
export * from './client.errors.js';
export * from './client.js';
export type * from './client.ports.js';
export * from './node/client.node.js';
