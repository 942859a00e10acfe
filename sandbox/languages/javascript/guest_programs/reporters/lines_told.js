// Part of a reporter: tells of each test which lines of the project it ran (`lines.js`), in one process
// with the tests.
if (REQUEST) {
  const linesSince = lineRecorder(require, workspace, placed);
  const told = new Set();
  const say = emit;
  emit = (kind, fields) => {
    const isEnd = kind === 'held' || (kind === 'result' && !told.has(fields.id));
    if (isEnd) told.add(fields.id);
    if (isEnd || kind === 'start') for (const one of linesSince(isEnd ? fields.id : '')) say('lines', one);
    say(kind, fields);
  };
}
