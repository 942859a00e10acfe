// Reporter of jest, in its own process, which is that of the tests as well: they run in band.
// https://jestjs.io/docs/configuration#custom-reporters
const jestCounts = new Map();

module.exports = class Reporter {
  onTestCaseStart(test, info) {
    emit('start', { id: jestId(test.path, info) });
  }

  onTestCaseResult(test, result) {
    if (result.status === 'passed' || result.status === 'failed') this.tell(test.path, result);
  }

  onTestResult(test, result) {
    if (result.testExecError || (result.failureMessage && !result.testResults.length)) {
      const error = result.testExecError || {};
      const stack = shown(error.stack || error.message || result.failureMessage);
      emit('broken', { id: placed(test.path), message: shown(error.message), stack });
    }
    // Tests that are skipped are told of at the end of their file alone; so are those that a filter
    // leaves out, which nobody asked for.
    for (const one of result.testResults) if (one.status !== 'passed' && one.status !== 'failed') this.tell(test.path, one);
    jestCounts.clear();
  }

  tell(path, result) {
    const id = counted(jestCounts, jestId(path, result));
    const outcomes = { passed: 'passed', failed: 'failed', todo: 'skipped', pending: 'skipped',
      skipped: 'skipped', disabled: 'skipped', focused: 'skipped' };
    emit('result', {
      id,
      outcome: outcomes[result.status] || 'failed',
      seconds: (result.duration || 0) / 1000,
      ...(result.status === 'failed' ? jestFailure(result) : {}),
    });
  }

  onRunComplete() {
    emit('end', {});
  }

  getLastError() {}
};

function jestId(path, info) {
  return [placed(path), ...info.ancestorTitles, info.title].map(shown).join('::');
}

// What jest prints of a failure holds its message, a comparison and the stack, in colours.
function jestFailure(result) {
  const stack = shown((result.failureMessages || [])[0] || '').replace(/\u001b\[[0-9;]*m/g, '');
  const message = stack.split('\n    at ')[0];
  const [, told] = message.match(/^(\w*Error)\b/) || [];
  const asserts = /^(?:assert|expect)\b/.test(message);
  return { name: told || (asserts ? 'AssertionError' : 'Error'), message, stack };
}
