// Part of a reporter: tells of each test which lines of the project it ran, by V8's own counters.
// They are read and set back to zero when a test begins and when it ends.
// https://chromedevtools.github.io/devtools-protocol/v8/Profiler/
{
const inspector = require('node:inspector');
const { SourceMap } = require('node:module');
const { join, resolve: resolvePath, dirname } = require('node:path');
const OWN = join(workspace, sep);
const INSTALLED = `${sep}node_modules${sep}`;
const INLINE_MAP = /^data:application\/json;(?:charset=[^;,]+;)?base64,/;
const NO_CODE = /^(?:$|\/\/|\/?\*|[)\]};,\s]*$)/;

// A script of the project: where in its text each of its lines of code begins.
class OwnScript {
  constructor({ scriptId, sourceMapURL }, path) {
    this.path = path;
    this.map = INLINE_MAP.test(sourceMapURL || '') ? mapped(sourceMapURL) : null;
    this.starts = [];
    let offset = 0;
    for (const [row, line] of sourceOf(scriptId).split('\n').entries()) {
      const column = line.search(/\S/);
      const place = column < 0 || NO_CODE.test(line.trim()) ? null : this.place(row, column);
      if (place !== null) this.starts.push([offset + column, place]);
      offset += line.length + 1;
    }
  }

  // The line that a person wrote, from 1.
  place(row, column) {
    if (!this.map) return row + 1;
    const { originalSource, originalLine } = this.map.findEntry(row, column);
    if (originalLine === undefined) return null;
    const isThis = !originalSource || resolvePath(dirname(this.path), originalSource.replace(/^file:\/\//, '')) === this.path;
    return isThis || !originalSource.includes('/') ? originalLine + 1 : null;
  }

  // The lines whose innermost range has run: those of functions, and those that run when the file is
  // loaded.
  ran(functions) {
    const ranges = functions.flatMap((one) => {
      const isTop = this.isWhole(one.ranges[0]);
      return one.ranges.map((range) => ({ ...range, isTop }));
    });
    ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
    const inside = new Set();
    const loaded = new Set();
    const open = [];
    let next = 0;
    for (const [offset, line] of this.starts) {
      while (next < ranges.length && ranges[next].startOffset <= offset) open.push(ranges[next++]);
      while (open.length && open[open.length - 1].endOffset <= offset) open.pop();
      const inner = open[open.length - 1];
      if (inner && inner.count > 0) (inner.isTop ? loaded : inside).add(line);
    }
    return [inside, loaded];
  }

  // jest puts a file into a function of its own.
  isWhole({ startOffset, endOffset }) {
    const { starts } = this;
    return !starts.length || (startOffset <= starts[0][0] && endOffset > starts[starts.length - 1][0]);
  }
}

const session = new inspector.Session();
const scripts = new Map();
const parsed = new Map();

function ask(method, parameters) {
  let answer = {};
  session.post(method, parameters, (error, result) => { answer = result || {}; });
  return answer;
}

function sourceOf(scriptId) {
  return ask('Debugger.getScriptSource', { scriptId }).scriptSource || '';
}

function mapped(url) {
  try {
    return new SourceMap(JSON.parse(Buffer.from(url.replace(INLINE_MAP, ''), 'base64').toString('utf8')));
  } catch {
    return null;
  }
}

function ownPath(url) {
  let path = url;
  try {
    if (url.startsWith('file:')) path = decodeURIComponent(new URL(url).pathname);
  } catch {
    return null; // code may call itself anything
  }
  return path.startsWith(OWN) && !path.includes(INSTALLED) ? path.replace(/\?.*$/, '') : null;
}

function scriptOf(scriptId, url) {
  if (!scripts.has(scriptId)) {
    const path = ownPath(url);
    scripts.set(scriptId, path && new OwnScript(parsed.get(scriptId) || { scriptId }, path));
  }
  return scripts.get(scriptId);
}

// Tells what has run since this was last asked, path → lines: of a test, and while loading files.
function tell(id) {
  const groups = [{ id, files: {} }, { id: '', files: {} }];
  for (const { scriptId, url, functions } of ask('Profiler.takePreciseCoverage').result || []) {
    const script = scriptOf(scriptId, url);
    if (!script) continue;
    const path = placed(script.path);
    for (const [at, lines] of script.ran(functions).entries()) {
      const { files } = groups[at];
      if (lines.size) files[path] = [...new Set([...(files[path] || []), ...lines])];
    }
  }
  for (const { id: name, files } of groups) if (name || Object.keys(files).length) say('lines', { id: name, files });
}

const say = emit;
const told = new Set();
if (REQUEST) {
  session.connect();
  session.on('Debugger.scriptParsed', ({ params }) => { if (ownPath(params.url)) parsed.set(params.scriptId, params); });
  ask('Debugger.enable');
  ask('Profiler.enable');
  ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  emit = (kind, fields) => {
    if (kind === 'start') tell('');
    const isEnd = kind === 'held' || (kind === 'result' && !told.has(fields.id));
    if (isEnd) {
      told.add(fields.id);
      tell(fields.id);
    }
    say(kind, fields);
  };
}
}
