import { stripVTControlCharacters } from 'node:util';

/**
 * Counts one run of Jest strictly: whatever did not pass has failed. A test that is skipped or a mere
 * plan, a suite that did not run and an expected suite that is absent must not look green.
 *
 * @param report Jest's JSON report, or undefined if it left none
 * @param expected the paths of the spec files that must be in it, from the repository's root
 */
export function countTests(report, expected) {
  if (report === undefined) return { passed: 0, failed: 1, complaints: ['Jest left no report'] };
  const names = report.testResults.map(({ name }) => name.replaceAll('\\', '/'));
  const absent = expected.filter((path) => !names.some((name) => name.endsWith(`/${path}`)));
  const brokenCount = report.numRuntimeErrorTestSuites;
  const skippedCount = report.numPendingTests + report.numTodoTests;
  const isEmpty = report.numTotalTests === 0 && brokenCount === 0 && absent.length === 0;
  const failed = report.numFailedTests + skippedCount + brokenCount + absent.length + Number(isEmpty);
  // Jest can be unhappy without a failed test: about a tear-down, say.
  const isOtherwiseBad = !report.success && failed === 0;
  return {
    passed: report.numPassedTests,
    failed: failed + Number(isOtherwiseBad),
    complaints: [
      ...failuresOf(report),
      ...absent.map((path) => `${path} did not run`),
      ...(skippedCount > 0 ? [`${skippedCount} skipped, which counts as failed`] : []),
      ...(brokenCount > 0 ? [`${brokenCount} suites could not run`] : []),
      ...(isEmpty ? ['no test ran'] : []),
      ...(isOtherwiseBad ? ['Jest failed outside of the tests'] : []),
    ],
  };
}

/** One line for each test that failed, with where it broke, so that a log that is cut short says what matters. */
function failuresOf(report) {
  return report.testResults.flatMap(({ name, message, assertionResults = [] }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    const file = name.replaceAll('\\', '/').split('/').slice(-3).join('/');
    if (failed.length === 0) return message ? [`${file}: ${wordsOf(message)}`] : [];
    return failed.map(
      ({ fullName, failureMessages }) => `${file}: ${fullName}: ${wordsOf(failureMessages[0])}`,
    );
  });
}

function wordsOf(message = '') {
  return stripVTControlCharacters(message).replaceAll(/\s+/g, ' ').trim().slice(0, 600);
}
