import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { startWatchdog } from './watchdog.mjs';

/** Runs a Node program as a real child process; see child.d.mts. */
export function startChild(file, options = {}) {
  const { args = [], env = {}, nodeArgs = [], cwd, nodePath = process.execPath, inheritEnv = true } = options;
  const { stdin = 'pipe', stdout = 'pipe' } = options;
  const child = spawn(nodePath, [...nodeArgs, file, ...args], {
    cwd,
    env: { ...(inheritEnv ? withoutTestRunner(process.env) : {}), ...env },
    stdio: [stdin, stdout, 'pipe', 'ipc'],
  });
  const watchdog = startWatchdog({ processes: [{ pid: child.pid ?? 0, mark: file }] });
  const lines = [];
  const output = { stdout: [], stderr: [] };
  const messages = [];
  const watchers = new Set();
  let state = 'running';

  for (const name of stdout === 'pipe' ? ['stdout', 'stderr'] : ['stderr']) {
    createInterface({ input: child[name], crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      lines.push(line);
      output[name].push(line);
      wake();
    });
  }
  child.on('message', (message) => {
    messages.push(message);
    wake();
  });
  child.stdin?.on('error', () => {});
  child.on('error', (error) => {
    lines.push(`[${error.message}]`);
    // A program that could not be started emits no 'close'.
    if (child.pid === undefined) end(null, null);
  });
  let resolveExited;
  const exited = new Promise((resolve) => {
    resolveExited = resolve;
  });
  // 'close' is emitted after the last byte of output, 'exit' possibly before it.
  child.on('close', end);

  function end(code, signal) {
    if (state === 'ended') return;
    state = 'ended';
    watchdog.release();
    resolveExited({ code, signal });
    wake();
  }

  function wake() {
    for (const watcher of [...watchers]) watcher();
  }

  /** Searches a growing list until an entry matches, the child has exited or the time is over. */
  function waitIn(list, from, find, what, ms) {
    return new Promise((resolve, reject) => {
      let next = from;
      const timer = setTimeout(() => settle(reject, failure(`within ${ms} ms`)), ms);
      const failure = (when) => {
        const output = lines.slice(-30).join('\n');
        return new Error(`${file} did not print ${what} ${when}. Its last lines:\n${output}`);
      };
      function settle(done, value) {
        clearTimeout(timer);
        watchers.delete(look);
        done(value);
      }
      function look() {
        for (; next < list.length; next++) {
          const found = find(list[next]);
          if (found) return settle(resolve, found);
        }
        if (state === 'ended') settle(reject, failure('before it ended'));
      }
      watchers.add(look);
      look();
    });
  }

  return {
    pid: child.pid,
    stdin: child.stdin,
    lines,
    stdout: output.stdout,
    stderr: output.stderr,
    messages,
    exited,
    get running() {
      return state === 'running';
    },
    send(message) {
      return new Promise((resolve, reject) => child.send(message, (error) => (error ? reject(error) : resolve())));
    },
    async kill(signal = 'SIGKILL') {
      if (state === 'running') child.kill(signal);
      // A stopped process handles signals only after it continues.
      if (state === 'running' && !['SIGKILL', 'SIGSTOP', 'SIGCONT'].includes(signal)) child.kill('SIGCONT');
      if (['SIGSTOP', 'SIGCONT'].includes(signal)) return undefined;
      return exited;
    },
    waitForLine(pattern, ms = 10_000, { from = 0 } = {}) {
      return waitIn(lines, from, (line) => line.match(pattern), `a line like ${pattern}`, ms);
    },
    async waitForMessage(accept = () => true, ms = 10_000, { from = 0 } = {}) {
      const wrapped = await waitIn(messages, from, (each) => accept(each) && { message: each }, 'such a message', ms);
      return wrapped.message;
    },
    async *[Symbol.asyncIterator]() {
      for (let next = 0; ; ) {
        if (next < lines.length) {
          yield lines[next++];
        } else if (state === 'ended') {
          return;
        } else {
          await new Promise((resolve) => {
            const once = () => {
              watchers.delete(once);
              resolve();
            };
            watchers.add(once);
          });
        }
      }
    },
  };
}

/** The test runner's variables (NODE_OPTIONS, VITEST, …) would change the program's behavior. */
function withoutTestRunner(env) {
  const kept = Object.entries(env).filter(
    ([name]) => !/^(VITEST|NODE_OPTIONS$|NODE_ENV$|TEST$|DEV$|PROD$|MODE$|SSR$)/.test(name),
  );
  return Object.fromEntries(kept);
}
