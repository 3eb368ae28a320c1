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
      ...absent.map((path) => `${path} did not run`),
      ...(skippedCount > 0 ? [`${skippedCount} skipped, which counts as failed`] : []),
      ...(brokenCount > 0 ? [`${brokenCount} suites could not run`] : []),
      ...(isEmpty ? ['no test ran'] : []),
      ...(isOtherwiseBad ? ['Jest failed outside of the tests'] : []),
    ],
  };
}
