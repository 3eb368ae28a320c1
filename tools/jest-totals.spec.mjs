import { expect, test } from '@jest/globals';
import { countTests } from './jest-totals.mjs';

const GREEN = {
  success: true,
  numTotalTests: 3,
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
  testResults: [{ name: '/somewhere/libs/core/src/saga.spec.ts' }],
};

test('a green run counts what passed', () => {
  expect(countTests(GREEN, ['libs/core/src/saga.spec.ts'])).toEqual({ passed: 3, failed: 0, complaints: [] });
});

test('a skipped or planned test has failed', () => {
  const counts = countTests({ ...GREEN, numPendingTests: 1, numTodoTests: 1 }, []);

  expect(counts).toMatchObject({ passed: 3, failed: 2, complaints: ['2 skipped, which counts as failed'] });
});

test('a suite that could not run has failed, beside the tests that did', () => {
  const counts = countTests({ ...GREEN, numFailedTests: 2, numRuntimeErrorTestSuites: 1 }, []);

  expect(counts).toMatchObject({ passed: 3, failed: 3 });
});

test('a test that failed is named, with the file and what went wrong', () => {
  const failed = {
    status: 'failed',
    fullName: 'a saga ends',
    failureMessages: ['Error: \u001b[31mno\n  end'],
  };
  const testResults = [{ name: '/x/libs/core/src/saga.spec.ts', assertionResults: [failed] }];

  const counts = countTests({ ...GREEN, success: false, numFailedTests: 1, testResults }, []);

  expect(counts.complaints).toEqual(['core/src/saga.spec.ts: a saga ends: Error: no end']);
});

test('a suite that could not run says why', () => {
  const testResults = [
    { name: '/x/libs/core/src/saga.spec.ts', message: 'Cannot find it', assertionResults: [] },
  ];

  const counts = countTests({ ...GREEN, success: false, numRuntimeErrorTestSuites: 1, testResults }, []);

  expect(counts.complaints).toContain('core/src/saga.spec.ts: Cannot find it');
});

test('a spec file that no run has picked up has failed', () => {
  const counts = countTests(GREEN, ['libs/core/src/tcc.spec.ts']);

  expect(counts).toMatchObject({ failed: 1, complaints: ['libs/core/src/tcc.spec.ts did not run'] });
});

test('no report and no tests are failures', () => {
  expect(countTests(undefined, [])).toMatchObject({ passed: 0, failed: 1 });
  expect(countTests({ ...GREEN, numTotalTests: 0, numPassedTests: 0 }, [])).toMatchObject({ failed: 1 });
});

test('a run that Jest itself calls bad is never green', () => {
  expect(countTests({ ...GREEN, success: false }, [])).toMatchObject({ passed: 3, failed: 1 });
});
