export { environmentSchema, readConfiguration, type Configuration } from './configuration.js';
export { createCoordinator, type Coordinator, type CoordinatorOptions } from './coordinator.js';
export { openLogger } from './ports/pino.logger.js';
export { StartError } from './start.error.js';
export { STOP_MS_MAX } from './stop.limit.js';
export * from './tokens.js';
