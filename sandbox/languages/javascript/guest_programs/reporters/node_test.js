// Reporter of node:test, inside the process of one test file. `test:dequeue` and `test:complete` come
// at once; `test:start`, `test:pass` and `test:fail` come in the order of definition, later.
// https://nodejs.org/api/test.html#class-testsstream
const [major, minor] = process.versions.node.split('.').map(Number);
const COMES_AT_ONCE = major > 20 || (major === 20 && minor >= 16);
const FILTERED = 'test name does not match pattern';
const counts = new Map();
const above = [];
const open = new Map();
const file = REQUEST ? REQUEST.file : '';

// Tests of one suite may run at the same time: one that ends is told by where it is defined.
function place(data) {
  return stringify([data.nesting, data.name, data.file, data.line, data.column]);
}

function begin(data) {
  const parent = data.nesting ? above[data.nesting - 1] : null;
  const mine = { id: counted(counts, `${parent ? parent.id : file}::${shown(data.name)}`), parent, inside: 0 };
  above[data.nesting] = mine;
  if (!open.has(place(data))) open.set(place(data), []);
  open.get(place(data)).push(mine);
  emit('start', { id: mine.id });
}

function end(data) {
  const mine = (open.get(place(data)) || []).shift();
  if (!mine) return;
  if (mine.parent) mine.parent.inside += 1;
  const { error, type, duration_ms: milliseconds } = data.details || {};
  if (data.skip === FILTERED) return emit('dropped', { id: mine.id });
  if (type === 'suite' && (!error || error.failureType === 'subtestsFailed' || mine.inside)) {
    return emit('suite', { id: mine.id });
  }
  emit(type === 'suite' ? 'broken' : 'result', {
    id: mine.id,
    outcome: outcome(data, error),
    seconds: (milliseconds || 0) / 1000,
    ...(error ? failure(reason(error)) : { message: typeof data.skip === 'string' ? shown(data.skip) : '' }),
  });
}

function outcome(data, error) {
  if (data.skip !== undefined) return 'skipped';
  if (data.todo !== undefined) return error ? 'xfailed' : 'skipped';
  if (!error) return 'passed';
  return error.failureType === 'hookFailed' ? 'error' : 'failed';
}

// node:test wraps what a test threw.
function reason(error) {
  const inner = error.cause;
  const told = inner !== null && typeof inner === 'object' && 'message' in inner;
  return told || typeof inner === 'string' ? inner : error;
}

const STARTS = COMES_AT_ONCE ? ['test:dequeue'] : ['test:start'];
const ENDS = COMES_AT_ONCE ? ['test:complete'] : ['test:pass', 'test:fail'];

function told(type, data) {
  if (STARTS.includes(type)) begin(data);
  else if (ENDS.includes(type)) end(data);
}

// A reporter hears of an event some turns of the event loop after it, so of nothing that comes just
// before a process ends. The stream of events tells its own listeners at once: it is recognised by
// the first event that it is given.
const { Readable } = require('node:stream');
const push = Readable.prototype.push;
let isTapped = false;
if (REQUEST) Readable.prototype.push = function (message, ...rest) {
  if (message && typeof message.type === 'string' && message.type.startsWith('test:')) {
    Readable.prototype.push = push;
    isTapped = true;
    told(message.type, message.data);
    for (const type of [...STARTS, ...ENDS]) this.on(type, (data) => told(type, data));
  }
  return push.call(this, message, ...rest);
};

module.exports = async function* reporter(source) {
  for await (const { type, data } of source) if (!isTapped) told(type, data);
  emit('end', {});
};
