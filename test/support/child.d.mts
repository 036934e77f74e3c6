import type { Writable } from 'node:stream';

export interface ChildOptions {
  args?: string[];
  /** Added to this process's environment, less what a test runner sets there. */
  env?: Record<string, string>;
  /** False: `env` is all there is. */
  inheritEnv?: boolean;
  /** Arguments of node itself: ['--import', …]. */
  nodeArgs?: string[];
  cwd?: string;
  /** Another Node version's program; default this one. */
  nodePath?: string;
  /** 'ignore': it is open on /dev/null, and `stdout` stays empty. Default 'pipe'. */
  stdout?: 'pipe' | 'ignore';
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child extends AsyncIterable<string> {
  pid: number | undefined;
  stdin: Writable;
  /** Lines so far, stdout and stderr in the order of arrival; `for await (const line of child)` follows them. */
  lines: string[];
  stdout: string[];
  stderr: string[];
  /** What it has sent by process.send(). */
  messages: unknown[];
  readonly running: boolean;
  /** Resolves when it has ended and all of its output was read. */
  exited: Promise<Exit>;
  /** Over the IPC channel (process.on('message') in the child, which keeps it alive while it listens). */
  send(message: unknown): Promise<void>;
  /** Default SIGKILL; resolves when it has ended, for SIGSTOP and SIGCONT at once. */
  kill(signal?: NodeJS.Signals): Promise<Exit | undefined>;
  /** First line that matches, of those from index `from` (default 0) on; rejects with its last lines. Default 10000 ms. */
  waitForLine(pattern: RegExp, ms?: number, options?: { from?: number }): Promise<RegExpMatchArray>;
  waitForMessage<T = unknown>(accept?: (message: T) => boolean, ms?: number, options?: { from?: number }): Promise<T>;
}

/** Starts `node [nodeArgs] file [args]`. It is killed when this process ends, by SIGKILL as well; end it by kill(). */
export function startChild(file: string, options?: ChildOptions): Child;
