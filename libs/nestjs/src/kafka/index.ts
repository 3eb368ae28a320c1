export { AtoneKafkaServer } from './kafka.server.js';
export type { AtoneKafkaServerOptions } from './kafka.server.js';
