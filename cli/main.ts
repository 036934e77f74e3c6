#!/usr/bin/env node
/** The `loghive` command. `--version` answers before the subcommands are loaded: scripts ask for it often. */
import { packageVersion } from '../src/package-version.js';

const [argument, ...more] = process.argv.slice(2);
if ((argument === '--version' || argument === '-V') && more.length === 0) {
  // The reader may have gone.
  process.stdout.on('error', () => {});
  process.stdout.write(`${packageVersion()}\n`);
} else {
  void import('./program.js').then(({ run }) => run());
}
