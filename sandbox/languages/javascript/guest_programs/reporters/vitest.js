// Reporter of vitest, in its main process; the tests run in other processes or threads. The runner
// there (`vitest_runner.mjs`) tells of each test at once, as what it prints behind a mark; what
// vitest itself says of all tests at the end makes up for what the runner did not tell.
// https://vitest.dev/api/advanced/reporters
class Reporter {
  constructor() {
    this.started = new Map();
    this.expected = new Set();
    this.isOver = false;
  }

  // A snapshot that is not there is no pass, as with `jest --ci`.
  onInit(vitest) {
    const { snapshot, config } = vitest;
    // No option of the command line names a runner: it is a setting of each project.
    const settings = (vitest.projects || []).map((project) => project.config);
    for (const one of new Set([config, ...settings])) if (one) one.runner = REQUEST.runner;
    for (const options of [snapshot && snapshot.options, config && config.snapshotOptions]) {
      if (options) options.updateSnapshot = 'none';
    }
    this.ignoresErrors = Boolean(config && config.dangerouslyIgnoreUnhandledErrors);
  }

  onPathsCollected(paths) {
    for (const path of paths || []) this.expected.add(path);
  }

  onTestRunStart(specifications) {
    this.onPathsCollected(specifications.map((one) => one.moduleId));
  }

  onUserConsoleLog(log) {
    const content = text(log.content);
    if (!content.startsWith(REQUEST.mark)) return;
    const { kind, ...fields } = JSON.parse(content.slice(REQUEST.mark.length));
    if (kind === 'start') this.started.set(fields.id, true);
    else if (kind === 'result') this.started.delete(fields.id);
    emit(kind, fields);
  }

  // Before version 4.
  onFinished(files, errors) {
    this.finish(files || [], errors || []);
  }

  // From version 3 on.
  onTestRunEnd(modules, errors) {
    this.finish(modules.map((module) => module.task), errors);
  }

  finish(files, errors) {
    if (this.isOver) return;
    this.isOver = true;
    for (const file of files) this.tellFile(file);
    // A process that ended in a test: the driver hears no end, and looks for the test.
    if (this.started.size) return;
    const ended = new Set(files.filter((file) => file.result || file.mode !== 'run').map((file) => file.filepath));
    for (const path of this.expected) {
      if (!ended.has(path)) emit('broken', { id: placed(path), ...failure(errors[0] || 'its process ended') });
    }
    const last = files.length ? files[files.length - 1].filepath : '';
    for (const error of this.ignoresErrors ? [] : errors) {
      const path = (error && error.VITEST_TEST_PATH) || last;
      if (path) emit('broken', { id: placed(path), ...failure(error) });
    }
    emit('end', {});
  }

  tellFile(file) {
    const counts = new Map();
    const path = placed(file.filepath);
    // What spoils a suite, or the file: tests of it that never ran are errors, not skipped.
    const walk = (suite, id, above) => {
      const own = suite.result && suite.result.state === 'fail' && (suite.result.errors || [])[0];
      const cause = own || above;
      let spoiled = 0;
      for (const task of suite.tasks || []) {
        const inner = `${id}::${shown(task.name)}`;
        if (task.type === 'suite') spoiled += walk(task, inner, cause);
        else spoiled += this.tell(task, counted(counts, inner), cause);
      }
      if (own && !spoiled) emit('broken', { id, ...failure(own) });
      return spoiled;
    };
    walk(file, path, null);
  }

  // 1 where the test never ran because of what is around it.
  tell(task, id, cause) {
    const { state, errors, duration } = task.result || {};
    const seconds = (duration || 0) / 1000;
    const isOwn = state === 'pass' || state === 'fail';
    // What a failing hook keeps from running is "skipped" for vitest; the runner knows it was due.
    const isSpoiled = !isOwn && cause && task.meta && task.meta.isDue;
    if (!isOwn && !isSpoiled && state !== 'skip' && task.mode !== 'skip' && task.mode !== 'todo') return 0;
    this.started.delete(id);
    if (isSpoiled) emit('result', { id, outcome: 'error', seconds, ...failure(cause) });
    else emit('result', { id, seconds, ...vitestOutcome(state, (errors || [])[0]) });
    return isSpoiled ? 1 : 0;
  }
}

function vitestOutcome(state, error) {
  if (state === 'pass') return { outcome: 'passed' };
  if (state !== 'fail') return { outcome: 'skipped' };
  // vitest keeps a test from ending its process, and says so.
  const isExit = error && text(error.message).startsWith('process.exit unexpectedly called');
  return { outcome: isExit ? 'crashed' : 'failed', ...failure(error || {}) };
}

// vitest evaluates this file once more, without the line to the driver: it is given the first one.
module.exports = REQUEST ? Reporter : require(__filename);
module.exports.default = module.exports;
