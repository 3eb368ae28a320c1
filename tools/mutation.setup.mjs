import fc from 'fast-check';

/*
 * Runs in Jest before each spec. A mutant must meet the same tests each time, or the score would depend on luck; and
 * whoever fails once is dead, so nothing is gained by looking for a smaller example.
 */
fc.configureGlobal({ seed: 1, endOnFailure: true });
process.env.ATONE_PROPERTY_RUNS ??= '30';
