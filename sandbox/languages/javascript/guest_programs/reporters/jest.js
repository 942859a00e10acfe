// Reporter of jest, in its own process, which is that of the tests as well: they run in band.
// https://jestjs.io/docs/configuration#custom-reporters
module.exports = class Reporter {
  constructor() {
    this.begin();
  }

  begin() {
    this.counts = new Map();
    this.failed = new Map();
    this.passed = new Set();
  }

  onTestCaseStart(test, info) {
    emit('start', { id: jestId(test.path, info) });
  }

  // A test that fails may be run again (`jest.retryTimes`), after all others: what it came to is
  // known at the end of its file.
  onTestCaseResult(test, result) {
    if (result.status !== 'passed' && result.status !== 'failed') return;
    const name = jestId(test.path, result);
    const failed = this.failed.get(name) || [];
    const isAgain = result.invocations > 1 && failed.length > 0;
    const id = isAgain ? failed.shift() : counted(this.counts, name);
    emit('held', { id: name });
    if (result.status === 'failed') this.failed.set(name, [...failed, id]);
    else this.tell(id, result);
  }

  onTestResult(test, result) {
    if (result.testExecError || (result.failureMessage && !result.testResults.length)) {
      const error = result.testExecError || {};
      const stack = shown(error.stack || error.message || result.failureMessage);
      emit('broken', { id: placed(test.path), message: shown(error.message), stack });
    }
    // Tests that are skipped are told of here alone; so are those that a filter leaves out, which
    // nobody asked for.
    const counts = new Map();
    for (const one of result.testResults) {
      const id = counted(counts, jestId(test.path, one));
      if (!this.passed.has(id) || one.status !== 'passed') this.tell(id, one);
    }
    this.begin();
  }

  tell(id, result) {
    if (result.status === 'passed') this.passed.add(id);
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
