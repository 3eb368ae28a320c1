export * from './catalogue.js';
export * from './catalogue.port.js';
export * from './clock.port.js';
export * from './log.port.js';
export * from './transport.port.js';
