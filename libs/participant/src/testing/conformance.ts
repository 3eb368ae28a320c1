// The suites need Jest, the database in `index.ts` does not: programs without a test runner use that too.
export * from './barrier.conformance.js';
export * from './removal.conformance.js';
