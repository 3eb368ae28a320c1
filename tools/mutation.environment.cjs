const { TestEnvironment } = require('jest-environment-node');

/** Skips all tests that come after one that has failed: a mutant dies once. */
module.exports = class extends TestEnvironment {
  #hasFailed = false;

  handleTestEvent = ({ name, test }) => {
    if (name === 'test_fn_failure') {
      this.#hasFailed = true;
    } else if (name === 'test_start' && this.#hasFailed) {
      test.mode = 'skip';
    }
  };
};
