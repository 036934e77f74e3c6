import { spawn } from 'node:child_process';
import { onEnd } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

export interface Terminal {
  /** Everything that it has shown, line ends as `\n`. */
  readonly text: () => string;
  readonly shows: (pattern: RegExp, withinMs?: number) => Promise<RegExpMatchArray>;
  /** Resolves when there is a terminal, and a process in it that hears what is typed. */
  readonly started: Promise<void>;
  /** As a person types it; `\x03` is Ctrl-C. */
  readonly type: (text: string) => void;
  /** As when its window is closed. */
  readonly hangUp: () => void;
  /** Resolves with the exit code of what ran in it. */
  readonly ended: Promise<number | null>;
}

/** Shown by the shell before it becomes the command. */
const STARTED = '<started>';

/** Runs a command line in a pseudo-terminal (by `script`, which every Linux has), ended with the test. */
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
    // The terminal is gone then, and what runs in it gets SIGHUP.
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
