import fc from 'fast-check';

/*
 * Runs in Jest before each spec. What a change is judged by must not depend on luck, so properties draw the same
 * each time. `ATONE_PROPERTY_SEED=random npm test` looks for what these seeds do not find; a number repeats a run.
 */
const asked = process.env.ATONE_PROPERTY_SEED ?? '1';
if (asked !== 'random') fc.configureGlobal({ seed: Number(asked) });
