// jest in a process that stays: each turn is a whole run of it, without its start.
function resident([program, ...options]) {
  const { run } = createRequire(realpathSync(program))('jest-cli');
  process.env.NODE_ENV ??= 'test'; // as its own program does; babel reads it
  process.argv = [process.execPath, program, ...options];
  turns(() => run(options));
}
