// mocha in a process that stays. Its own program reads all settings and loads what is to be loaded
// first; where it would run the tests, the turns begin.
async function playMocha(Mocha, options, turn) {
  const mocha = new Mocha({ ...options });
  const paths = [...(options.file || []), ...REQUEST.files].map((path) => resolve(path));
  for (const path of paths) {
    try {
      mocha.suite.emit('pre-require', globalThis, path, mocha);
      mocha.suite.emit('require', await load(path, turn), path, mocha);
      mocha.suite.emit('post-require', globalThis, path, mocha);
    } catch (error) {
      emit('broken', { id: placed(path), ...failure(error) });
      return emit('end', {});
    }
  }
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
