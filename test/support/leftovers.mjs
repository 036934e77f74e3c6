/** What a run leaves behind: processes, and files in its temporary folder. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sleep } from './wait.mjs';

/** How long processes may take that are just ending, in milliseconds. */
const ENDING_MS = 5000;
/** Programs that later runs use again, and the caches of Jest and tsx. */
const KEPT = /^(?:loghive-test-|jest_|tsx-)/;

/**
 * Gives this process, and all that it starts from now on, a temporary folder of their own, which is removed when it
 * exits. `count()` returns what is left: call it after everything was stopped.
 */
export function watchLeftovers() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'loghive-run-'));
  // PostgreSQL runs as another user.
  chmodSync(folder, 0o755);
  process.env.TMPDIR = folder;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return {
    async count() {
      const untilMs = performance.now() + ENDING_MS;
      while (processesOf(folder).length > 0 && performance.now() < untilMs) await sleep(50);
      const files = readdirSync(folder).filter((name) => !KEPT.test(name));
      return { processes: processesOf(folder), files };
    },
  };
}

/** 'left behind: 0 processes, 0 files'. */
export function leftoversSentence({ processes, files }) {
  return `left behind: ${processes.length} processes, ${files.length} files`;
}

/** What is wrong with what is left, one line each; none if nothing is. */
export function leftoverFaults({ processes, files }) {
  return [
    ...processes.map((each) => `still running: ${each}`),
    ...files.map((each) => `left in the temporary folder: ${each}`),
  ];
}

/** Processes that know the folder: by their environment, command line or working directory. Linux shows these to us. */
function processesOf(folder) {
  const pids = process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
  return pids
    .filter((pid) => Number(pid) !== process.pid)
    .map((pid) => ({ pid, facts: factsOf(pid) }))
    .filter(({ facts: { environment, command, cwd } }) =>
      [environment, command, cwd].some((text) => text.includes(folder)),
    )
    .map(({ pid, facts: { command } }) => `${pid} ${command.replaceAll('\0', ' ').slice(0, 200)}`);
}

function factsOf(pid) {
  const read = (how, name) => {
    try {
      return String(how(`/proc/${pid}/${name}`));
    } catch {
      // It has ended, or belongs to somebody else.
      return '';
    }
  };
  return {
    environment: read(readFileSync, 'environ'),
    command: read(readFileSync, 'cmdline'),
    cwd: read(readlinkSync, 'cwd'),
  };
}
