// Reporter of mocha, in its process. Before the first test it takes out those that are not wanted.
// https://mochajs.org/api/runner
module.exports = class Reporter {
  constructor(runner) {
    this.ids = new Map();
    this.ended = new Set();
    this.last = null;
    const counts = new Map();
    this.walk(runner.suite, (test) => this.ids.set(test, counted(counts, nameOf(test))));
    if (runner.suite.hasOnly && runner.suite.hasOnly()) runner.suite.filterOnly();
    const wanted = [];
    this.select(runner.suite, wanted);
    emit('collected', { ids: wanted });
    runner.on('test', (test) => emit('start', { id: this.id(test) }));
    runner.on('hook', (hook) => this.hook(hook));
    runner.on('pass', (test) => this.end(test, 'passed'));
    runner.on('pending', (test) => this.end(test, 'skipped'));
    runner.on('fail', (test, error) => this.fail(test, error));
    runner.once('end', () => emit('end', {}));
  }

  walk(suite, visit) {
    suite.tests.forEach(visit);
    for (const inner of suite.suites) this.walk(inner, visit);
  }

  select(suite, wanted) {
    suite.tests = suite.tests.filter((test) => {
      const id = this.ids.get(test);
      const isWanted = (!REQUEST.ids || REQUEST.ids.some((name) => id === name || id.startsWith(name + '::')))
        && !REQUEST.skip.includes(id);
      if (isWanted) wanted.push(id);
      return isWanted;
    });
    for (const inner of suite.suites) this.select(inner, wanted);
  }

  // A test that is retried is another object of the same name.
  id(test) {
    const origin = test.retriedTest ? test.retriedTest() : undefined;
    return this.ids.get(test) || (origin && this.ids.get(origin)) || nameOf(test);
  }

  end(test, outcome, error) {
    const id = this.id(test);
    this.ended.add(id);
    this.last = test;
    emit('result', { id, outcome, seconds: (test.duration || 0) / 1000, ...(error ? failure(error) : {}) });
  }

  // While a hook runs, the next test of its suite is the one that is running.
  hook(hook) {
    const next = this.open(hook.parent)[0];
    if (next) emit('start', { id: this.id(next) });
  }

  open(suite) {
    const tests = [];
    if (suite) this.walk(suite, (test) => { if (!this.ended.has(this.id(test))) tests.push(test); });
    return tests;
  }

  fail(runnable, error) {
    if (runnable.type !== 'hook') return this.end(runnable, 'failed', error);
    const isBefore = /^"before/.test(runnable.title);
    const affected = isBefore ? this.open(runnable.parent) : this.last ? [this.last] : [];
    for (const test of affected) this.end(test, 'error', error);
    if (!affected.length) emit('broken', { id: nameOf(runnable), ...failure(error) });
  }
};

function nameOf(test) {
  return [test.file ? placed(test.file) : '', ...test.titlePath()].map(shown).join('::');
}
