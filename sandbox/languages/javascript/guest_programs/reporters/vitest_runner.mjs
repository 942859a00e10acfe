// Runner of vitest's tests, in their own process: it leaves out what is not asked for, by the whole
// name, and tells of each test before and after it. vitest itself tells in lots, of which the last is
// lost where a test never ends. ASKED stands above.
// https://vitest.dev/api/advanced/runner
import { createRequire } from 'node:module';
import { relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

const stringify = JSON.stringify;
const text = String;
const cut = Function.prototype.call.bind(String.prototype.slice);
const MAX_CHARACTERS = 8000;
const found = createRequire(`${ASKED.folder}/package.json`).resolve('vitest/runners');
const runners = await import(pathToFileURL(found).href);
const Base = runners.VitestTestRunner || runners.TestRunner;
// Where lines are asked for, `lines.js` stands above.
const linesSince = typeof lineRecorder === 'function'
  ? lineRecorder(createRequire(import.meta.url), ASKED.workspace, placed)
  : () => [];
const ids = new Map();
const done = new Set(ASKED.skip);

function shown(value) {
  try { return cut(text(value), 0, MAX_CHARACTERS); } catch { return ''; }
}

function placed(path) {
  return relative(ASKED.workspace, path).split(sep).join('/');
}

function isWanted(id) {
  if (done.has(id)) return false;
  return !ASKED.ids || ASKED.ids.some((name) => id === name || id.startsWith(`${name}::`));
}

function name(file) {
  const counts = new Map();
  const walk = (suite, above) => {
    for (const task of suite.tasks) {
      const id = `${above}::${shown(task.name)}`;
      if (task.type === 'suite') {
        walk(task, id);
        continue;
      }
      const count = (counts.get(id) || 0) + 1;
      counts.set(id, count);
      ids.set(task, count === 1 ? id : `${id} #${count}`);
    }
  };
  walk(file, placed(file.filepath));
}

function isDue(task) {
  return task.mode === 'run' || task.mode === 'queued';
}

// Whether something is left to run; a suite without is not begun, nor are its hooks.
function narrow(suite) {
  let isLeft = false;
  for (const task of suite.tasks) {
    if (task.type === 'suite' ? narrow(task) : isWanted(ids.get(task))) {
      isLeft = true;
      if (task.type !== 'suite' && isDue(task)) task.meta.isDue = true;
    } else if (isDue(task)) task.mode = 'skip';
  }
  return isLeft;
}

function failure(error) {
  const told = { message: shown(error.message), name: shown(error.name), stack: shown(error.stack) };
  for (const side of ['expected', 'actual']) if (side in error) told[side] = shown(error[side]);
  return told;
}

function ending(result) {
  if (result.state === 'pass') return { outcome: 'passed' };
  const error = (result.errors || [])[0] || {};
  const isExit = text(error.message).startsWith('process.exit unexpectedly called');
  return { outcome: isExit ? 'crashed' : 'failed', ...failure(error) };
}

export default class Runner extends Base {
  constructor(config) {
    super(config);
    this.line = globalThis.__vitest_worker__.rpc;
  }

  async tell(fields) {
    await this.line.onUserConsoleLog({
      type: 'stdout', content: ASKED.mark + stringify(fields), taskId: undefined, time: 0, size: 1,
    });
  }

  async tellLines(id) {
    for (const one of linesSince(id)) await this.tell({ kind: 'lines', ...one });
  }

  async onCollected(files) {
    await super.onCollected?.(files);
    for (const file of files) {
      name(file);
      if (file.tasks.length && !narrow(file) && file.mode === 'run') file.mode = 'skip';
    }
  }

  async onBeforeRunTask(test) {
    if (isDue(test) && ids.has(test)) {
      await this.tellLines('');
      await this.tell({ kind: 'start', id: ids.get(test) });
    }
    await super.onBeforeRunTask?.(test);
  }

  async onAfterRunTask(test) {
    await super.onAfterRunTask?.(test);
    const { state, duration } = test.result;
    if (!ids.has(test) || (state !== 'pass' && state !== 'fail')) return;
    await this.tellLines(ids.get(test));
    await this.tell({ kind: 'result', id: ids.get(test), seconds: (duration || 0) / 1000, ...ending(test.result) });
  }
}
