/**
 * CPU time from Linux's /proc: of a process, its threads and all of its children. Unlike wall-clock time, it does not
 * include time in which other processes used the CPU.
 */
import fs from 'node:fs';

/** The unit in /proc: USER_HZ, which is 100 wherever Node runs. */
const TICK_MICROS = 10_000;

/**
 * Includes processes that have exited, if their parent is still running. NaN if there is no such process, or no /proc.
 */
export function cpuMicros(pid) {
  const all = readProcesses();
  if (!all.has(pid)) return Number.NaN;
  let ticks = 0;
  const left = [all.get(pid)];
  for (let process = left.pop(); process; process = left.pop()) {
    ticks += process.ticks;
    left.push(...[...all.values()].filter(({ parent }) => parent === process.pid));
  }
  return ticks * TICK_MICROS;
}

/**
 * Starts measuring.
 *
 * @param pids process ids by name
 * @returns a function that stops measuring and returns the microseconds of each process
 */
export function meter(pids) {
  const read = () => Object.entries(pids).map(([name, pid]) => [name, pid === undefined ? 0 : cpuMicros(pid)]);
  const before = Object.fromEntries(read());
  return () => Object.fromEntries(read().map(([name, micros]) => [name, micros - before[name]]));
}

/** A measure for rounds that return `cpu`, the result of `meter`. */
export function cpuOf(name) {
  return { unit: 'µs of CPU/record', better: 'less', digits: 1, of: ({ cpu, records }) => cpu[name] / records };
}

function readProcesses() {
  const found = new Map();
  for (const name of foldersOf('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const stat = readStat(pid);
    if (stat) found.set(pid, stat);
  }
  return found;
}

function foldersOf(folder) {
  return fs.existsSync(folder) ? fs.readdirSync(folder) : [];
}

/** Undefined if the process has exited. Its name, in parentheses, may contain any character. */
function readStat(pid) {
  let text;
  try {
    text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // User and system time of the process, and of children that were waited for.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), ticks };
}
