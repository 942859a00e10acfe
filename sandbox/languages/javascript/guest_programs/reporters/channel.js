'use strict';
// First part of every reporter: the line to the driver, taken before any code of the project runs.
// It is loaded with --require, so nothing that the project does later to `fs`, `JSON` or `String`
// changes what is written. Node 18 or newer, no packages.
const { closeSync, readFileSync, writeSync } = require('node:fs');
const { relative, sep } = require('node:path');
const stringify = JSON.stringify;
const text = String;
const cut = Function.prototype.call.bind(String.prototype.slice);
// What is asked lies behind a descriptor, not in the environment: that has a limit, and stays to be
// read in /proc. Threads and processes that inherit the option --require have none, and say nothing.
const ASKED = process.env.REPAIR_ASKED;
// The tests' own subprocesses are to start as they always do.
delete process.env.REPAIR_ASKED;
const REQUEST = ASKED ? JSON.parse(readFileSync(Number(ASKED), 'utf8')) : null;
if (REQUEST) closeSync(Number(ASKED));
const { events: EVENTS, nonce: NONCE, workspace = '/' } = REQUEST || {};

const MAX_CHARACTERS = 8000;

function emit(kind, fields) {
  if (!REQUEST) return;
  const line = Buffer.from(NONCE + ' ' + stringify({ kind, ...fields }) + '\n', 'utf8');
  let start = 0;
  while (start < line.length) {
    try {
      start += writeSync(EVENTS, line, start);
    } catch (error) {
      if (error.code !== 'EAGAIN') return; // nobody listens any more
    }
  }
}

function shown(value) {
  try { return cut(text(value), 0, MAX_CHARACTERS); } catch { return ''; }
}

// What is known of an error, whatever was thrown.
function failure(error) {
  if (error === null || typeof error !== 'object') return { message: shown(error) };
  const told = { message: shown(error.message), name: shown(error.name), stack: shown(error.stack) };
  const diff = ['expected', 'actual'].filter((side) => side in error);
  for (const side of diff) told[side] = shown(pictured(error[side]));
  return told;
}

function pictured(value) {
  if (typeof value === 'string') return stringify(value);
  try { return require('node:util').inspect(value, { depth: 4, breakLength: 100 }); } catch { return ''; }
}

function placed(file) {
  const path = relative(workspace, file.startsWith('file:') ? new URL(file).pathname : file);
  return path.split(sep).join('/');
}

// Ids are unique: a second test of the same name in the same place is `name #2`.
function counted(counts, id) {
  const count = (counts.get(id) || 0) + 1;
  counts.set(id, count);
  return count === 1 ? id : `${id} #${count}`;
}
