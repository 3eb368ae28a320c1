// The suites need Jest, the fakes in `index.ts` do not: programs without a test runner use those too.
export * from './log.conformance.js';
export * from './log-endings.conformance.js';
export * from './transport.conformance.js';
