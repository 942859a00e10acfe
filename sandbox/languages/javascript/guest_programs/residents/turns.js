// Part of a process that stays: it runs the same tests each time the driver asks for a turn. Between
// turns the project's own modules are forgotten and what tests commonly leave behind is put back;
// installed packages stay loaded, which is what makes a turn cheap. Node has no fork.
const { readSync, realpathSync } = require('node:fs');
const { createRequire, register } = require('node:module');
const { join, resolve } = require('node:path');
const { pathToFileURL } = require('node:url');
const TOP = join(workspace, sep);
const ARGV = REQUEST && REQUEST.argv ? REQUEST.argv.map((word) => word.replace('{reporter}', __filename)) : [];
const MODULES = `${sep}node_modules${sep}`;

function isOwn(path) {
  return path.startsWith(TOP) && !path.includes(MODULES);
}

// Modules that are imported cannot be forgotten, so each turn imports them under another address;
// what they import in turn inherits it. https://nodejs.org/api/module.html#customization-hooks
const HOOKS = `export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  const turn = /[?&]turn=(\\d+)/.exec(context.parentURL || '');
  const { url } = found;
  if (!turn || !url.startsWith(${stringify(pathToFileURL(TOP).href)}) || url.includes('/node_modules/')) return found;
  return { ...found, url: url + (url.includes('?') ? '&' : '?') + 'turn=' + turn[1] };
}`;

function registerHooks() {
  if (register) register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
}

function inTurn(address, turn) {
  const changed = new URL(address);
  changed.searchParams.set('turn', turn);
  return changed;
}

function own(target) {
  return new Map(Reflect.ownKeys(target).map((key) => [key, Object.getOwnPropertyDescriptor(target, key)]));
}

function putBack(target, descriptors) {
  for (const key of Reflect.ownKeys(target)) if (!descriptors.has(key)) Reflect.deleteProperty(target, key);
  for (const [key, old] of descriptors) {
    const now = Object.getOwnPropertyDescriptor(target, key);
    const isSame = now && now.value === old.value && now.get === old.get && now.set === old.set;
    if (!isSame) Reflect.defineProperty(target, key, old);
  }
}

// What everybody shares and a module may change: what is built in with its prototypes, and the
// modules of Node that are commonly patched. What is made on first use is left alone.
const PATCHED = ['assert', 'child_process', 'crypto', 'dns', 'events', 'fs', 'http', 'https', 'module', 'net', 'os', 'path',
  'querystring', 'stream', 'timers', 'url', 'util'];

function* shared() {
  const roots = [Object.getPrototypeOf(Int8Array), Object.getPrototypeOf(function* none() {}), Object.getPrototypeOf(async () => {}),
    Object.getPrototypeOf([][Symbol.iterator]()), Object.getPrototypeOf(new Map().entries()), ...PATCHED.map((name) => require(`node:${name}`))];
  for (const { value } of own(globalThis).values()) if (value && value !== globalThis && value !== process) roots.push(value);
  for (const root of roots) {
    if (typeof root !== 'function' && typeof root !== 'object') continue;
    yield root;
    for (const value of [root, ...[...own(root).values()].map((one) => one.value)]) {
      if (typeof value === 'function' && value.prototype) yield value.prototype;
    }
  }
}

// Everything that is put back: what is built in, globals, the environment, the current folder,
// listeners, modules.
class Kept {
  constructor() {
    this.shared = null;
    this.globals = own(globalThis);
    this.environment = { ...process.env };
    this.folder = process.cwd();
    this.listeners = new Map(process.eventNames().map((name) => [name, process.rawListeners(name)]));
    this.modules = new Set(Object.keys(require.cache));
  }

  restore() {
    putBack(globalThis, this.globals);
    // Installed packages change it when they are loaded, in the first turn, and then stay.
    if (this.shared) for (const [target, descriptors] of this.shared) putBack(target, descriptors);
    else this.shared = new Map([...new Set(shared())].map((target) => [target, own(target)]));
    for (const name of Object.keys(process.env)) if (!(name in this.environment)) delete process.env[name];
    for (const [name, value] of Object.entries(this.environment)) if (process.env[name] !== value) process.env[name] = value;
    if (process.cwd() !== this.folder) process.chdir(this.folder);
    for (const name of process.eventNames()) {
      const old = this.listeners.get(name) || [];
      for (const one of process.rawListeners(name)) if (!old.includes(one)) process.removeListener(name, one);
    }
    process.exitCode = undefined;
    for (const path of Object.keys(require.cache)) {
      if (!this.modules.has(path) && isOwn(path)) delete require.cache[path];
    }
    // The modules that stay hold those that they loaded.
    for (const module of Object.values(require.cache)) {
      if (module && module.children) module.children = module.children.filter((one) => require.cache[one.id] === one);
    }
  }
}

function isAskedAgain() {
  return readSync(REQUEST.turns, Buffer.alloc(1), 0, 1, null) === 1;
}

// Never returns: what would follow, in the framework's own program, is its end.
async function turns(play) {
  const kept = new Kept();
  emit('ready', { loaded: [...kept.modules].filter(isOwn).map(placed) });
  for (let turn = 1; isAskedAgain(); turn += 1) {
    await play(turn);
    kept.restore();
  }
  process.exit(0);
}

// When this file is loaded, before any other, nothing of the framework is there yet.
if (REQUEST) setImmediate(() => resident(ARGV));
