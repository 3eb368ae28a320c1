export { LED_FAILPOINTS, PARTICIPANT_FAILPOINTS } from '../failpoints.js';
export * from './memory.database.js';
