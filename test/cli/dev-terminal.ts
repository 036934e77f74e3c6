import { spawn } from 'node:child_process';
import { onEnd } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

export interface Terminal {
  /** Everything shown so far, with line ends as `\n`. */
  readonly text: () => string;
  readonly shows: (pattern: RegExp, withinMs?: number) => Promise<RegExpMatchArray>;
  /** Resolves when the terminal exists and a process in it reads input. */
  readonly started: Promise<void>;
  /** Types text; `\x03` is Ctrl-C. */
  readonly type: (text: string) => void;
  /** Closes the terminal window. */
  readonly hangUp: () => void;
  /** Resolves with the command's exit code. */
  readonly ended: Promise<number | null>;
}

/** Printed by the shell before it executes the command. */
const STARTED = '<started>';

/** Runs a command line in a pseudo-terminal (with `script`, which every Linux has); closed at the end of the test. */
export function useTerminal(
  command: string,
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
): Terminal {
  const child = spawn('script', ['-qefc', `printf '${STARTED}'; exec ${command}`, '/dev/null'], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let start = () => {};
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk.replaceAll('\r\n', '\n');
    if (!shown.startsWith(STARTED)) return;
    shown = shown.slice(STARTED.length);
    start();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  onEnd(async () => {
    // Closes the terminal; the command in it gets SIGHUP.
    child.kill('SIGKILL');
    await ended;
  });
  return {
    text: () => shown,
    shows: (pattern, withinMs = 30_000) =>
      eventually(
        () => {
          const found = pattern.exec(shown);
          if (!found) throw new Error(`it shows no ${pattern}, but:\n${shown}`);
          return found;
        },
        { withinMs },
      ),
    started,
    type: (text) => child.stdin.write(text),
    hangUp: () => child.kill('SIGKILL'),
    ended,
  };
}
