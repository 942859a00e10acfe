// mocha in a process that stays. Its own program reads all settings and loads what is to be loaded
// first; where it would run the tests, the turns begin.
async function playMocha(Mocha, options, turn) {
  const mocha = new Mocha({ ...options });
  const last = { path: '' };
  mocha.files = [...(options.file || []), ...REQUEST.files].map((path) => resolve(path));
  mocha.suite.on('pre-require', (_context, path) => { last.path = path; });
  try {
    await mocha.loadFilesAsync({ esmDecorator: (address) => inTurn(address, turn) });
  } catch (error) {
    emit('broken', { id: placed(last.path), ...failure(error) });
    return emit('end', {});
  }
  mocha.lazyLoadFiles(true); // that is: they are there already
  await new Promise((done) => { mocha.run(done); });
  if (mocha.dispose) mocha.dispose();
}

function resident([program, ...options]) {
  const found = createRequire(realpathSync(program));
  found('./run-helpers').runMocha = (mocha, settings) => turns((turn) => playMocha(mocha.constructor, settings, turn));
  registerHooks();
  process.argv = [process.execPath, program, ...options];
  found('./cli').main(options);
}
