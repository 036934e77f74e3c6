import type { Writable } from 'node:stream';

export interface ChildOptions {
  args?: string[];
  /** Added to this process's environment, without the test runner's variables. */
  env?: Record<string, string>;
  /** False: `env` is the whole environment. */
  inheritEnv?: boolean;
  /** Arguments of node itself: ['--import', …]. */
  nodeArgs?: string[];
  cwd?: string;
  /** Executable of another Node version; default: this one. */
  nodePath?: string;
  /** A number: this file descriptor, and `stdin` is missing. Default 'pipe'. */
  stdin?: 'pipe' | number;
  /** 'ignore': connected to /dev/null; a number: to this file descriptor. Then `stdout` stays empty. Default 'pipe'. */
  stdout?: 'pipe' | 'ignore' | number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child extends AsyncIterable<string> {
  pid: number | undefined;
  stdin: Writable;
  /** Lines so far, stdout and stderr in order of arrival; `for await (const line of child)` follows them. */
  lines: string[];
  stdout: string[];
  stderr: string[];
  /** Messages that it sent by process.send(). */
  messages: unknown[];
  readonly running: boolean;
  /** Resolves when it has exited and all of its output was read. */
  exited: Promise<Exit>;
  /**
   * Sends a message over the IPC channel (process.on('message') in the child, which keeps it alive while it listens).
   */
  send(message: unknown): Promise<void>;
  /** Default SIGKILL. Resolves when it has exited; for SIGSTOP and SIGCONT immediately. */
  kill(signal?: NodeJS.Signals): Promise<Exit | undefined>;
  /**
   * Resolves with the first matching line from index `from` (default 0) on. Rejects with the last lines. Default 10000
   * ms.
   */
  waitForLine(pattern: RegExp, ms?: number, options?: { from?: number }): Promise<RegExpMatchArray>;
  waitForMessage<T = unknown>(accept?: (message: T) => boolean, ms?: number, options?: { from?: number }): Promise<T>;
}

/** Starts `node [nodeArgs] file [args]`. It is killed when this process exits, even by SIGKILL. End it by kill(). */
export function startChild(file: string, options?: ChildOptions): Child;
