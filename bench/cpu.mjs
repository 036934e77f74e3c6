/**
 * Processor time, from Linux's /proc: what a process, its threads and everything that it has started have worked. Unlike
 * time by the clock it does not grow when others have the processor meanwhile.
 */
import fs from 'node:fs';

/** What /proc counts in: USER_HZ, which is 100 wherever Node runs. */
const TICK_MICROS = 10_000;

/** Of processes that have ended as well, where their parent has not. NaN where there is no such process, or no /proc. */
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
 * Begins to measure.
 *
 * @param pids by a name of the caller's
 * @returns ends it, and gives the microseconds of each
 */
export function meter(pids) {
  const read = () => Object.entries(pids).map(([name, pid]) => [name, pid === undefined ? 0 : cpuMicros(pid)]);
  const before = Object.fromEntries(read());
  return () => Object.fromEntries(read().map(([name, micros]) => [name, micros - before[name]]));
}

/** A measure of a comparison whose rounds give `cpu`, what `meter` gave. */
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

/** Undefined where it has ended meanwhile. Its name, in parentheses, may hold anything. */
function readStat(pid) {
  let text;
  try {
    text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // Own time in user mode and in the kernel, and that of children that were waited for.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), ticks };
}
