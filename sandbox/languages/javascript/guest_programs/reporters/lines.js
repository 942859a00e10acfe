// Which lines of the project ran since one last asked, by V8's own counters, which are set back to
// zero each time. `load` is `require`, `place` gives a file's path in the project. Returns what asks:
// of a test's id, groups of path → lines, those of the test and, without an id, of loading files.
// https://chromedevtools.github.io/devtools-protocol/v8/Profiler/
function lineRecorder(load, workspace, place) {
  const inspector = load('node:inspector');
  const { SourceMap } = load('node:module');
  const { join, resolve: resolvePath, dirname, sep } = load('node:path');
  const OWN = join(workspace, sep);
  const INSTALLED = `${sep}node_modules${sep}`;
  const INLINE_MAP = /^data:application\/json;(?:charset=[^;,]+;)?base64,/;
  const AROUND_FILE = /^[^{]*\brequire\b[^{]*\{/;
  const NO_CODE = /^(?:$|\/\/|\/?\*|[)\]};,\s]*$)/;

  // A script of the project: where in its text each of its lines of code begins.
  class OwnScript {
    constructor({ scriptId, sourceMapURL }, path) {
      this.path = path;
      this.map = INLINE_MAP.test(sourceMapURL || '') ? mapped(sourceMapURL) : null;
      this.starts = [];
      let offset = 0;
      const rows = sourceOf(scriptId).split('\n');
      [this.firstLine] = rows;
      for (const [row, line] of rows.entries()) {
        const column = line.search(/\S/);
        const written = column < 0 || NO_CODE.test(line.trim()) ? null : this.written(row, column);
        if (written !== null) this.starts.push([offset + column, written]);
        offset += line.length + 1;
      }
    }

    // The line that a person wrote, from 1.
    written(row, column) {
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

    // The script, or the function that jest and vitest put around a file.
    isWhole({ startOffset, endOffset }) {
      const { starts } = this;
      const isAround = !starts.length || (startOffset <= starts[0][0] && endOffset > starts[starts.length - 1][0]);
      return isAround && (startOffset === 0 || AROUND_FILE.test(this.firstLine.slice(startOffset)));
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

  function linesSince(id) {
    const groups = [{ id, files: {} }, { id: '', files: {} }];
    for (const { scriptId, url, functions } of ask('Profiler.takePreciseCoverage').result || []) {
      const script = scriptOf(scriptId, url);
      if (!script) continue;
      const path = place(script.path);
      for (const [at, lines] of script.ran(functions).entries()) {
        const { files } = groups[at];
        if (lines.size) files[path] = [...new Set([...(files[path] || []), ...lines])];
      }
    }
    return groups.filter((one) => one.id || Object.keys(one.files).length);
  }

  session.connect();
  session.on('Debugger.scriptParsed', ({ params }) => { if (ownPath(params.url)) parsed.set(params.scriptId, params); });
  ask('Debugger.enable');
  ask('Profiler.enable');
  ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  return linesSince;
}
