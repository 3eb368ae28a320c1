export * from './barrier.conformance.js';
