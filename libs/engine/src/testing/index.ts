export { ENGINE_FAILPOINTS } from '../failpoints.js';
export { overriding } from './log.overriding.js';
export { ManualClock } from './manual-clock.js';
export { MemoryCatalogueStore } from './memory-catalogue.js';
export { MemoryLog, type MemoryRow } from './memory-log.js';
export * from './scripted-transport.js';
export { SeededRandom } from './seeded-random.js';
export * from './engine-world.js';
