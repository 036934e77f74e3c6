/** A pager such as less, which shows the output a screen at a time, as git does it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { processVariable } from '../../src/config.js';
import type { Environment } from '../../src/settings/option.js';
import { supportsEscapes } from '../output.js';

export interface Pager {
  readonly stream: Writable;
  /** Ends the output and waits until the user has left the pager. */
  end(): Promise<void>;
}

/**
 * Undefined if there is none: stdout is no terminal, PAGER is empty or `cat`, or the default pager is not installed.
 *
 * @param atEnd begin with the last screen; only for the default pager, `less -FRX`.
 */
export async function openPager(environment: Environment, atEnd: boolean): Promise<Pager | undefined> {
  // Not from config.env: a file in the working directory must not choose a program to run.
  const own = processVariable('PAGER')?.trim();
  if (own === '' || own === 'cat') return undefined;
  if (!supportsEscapes(process.stdout, environment('TERM')?.text)) return undefined;
  const options = processVariable('LESS') ? [] : ['-FRX'];
  const child =
    own === undefined
      ? spawn('less', [...options, ...(atEnd ? ['+G'] : [])], { stdio: ['pipe', 'inherit', 'inherit'] })
      : spawn(own, { shell: true, stdio: ['pipe', 'inherit', 'inherit'] });
  // The user may leave the pager at any time.
  child.stdin.on('error', () => {});
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    await once(child, 'spawn');
  } catch {
    return undefined; // not installed
  }
  return {
    stream: child.stdin,
    async end() {
      child.stdin.end();
      await exited;
    },
  };
}
