/**
 * The end of a process: each integration × each way to end × each state of the broker, in the main thread, in worker
 * threads and in cluster workers, on each Node.
 *
 *   node test/exits/run.mjs [NAME…] [--runs 20] [--node 22 | --newer] [--json]
 *
 * Names select the cells that have all of them: an integration (`winston`), an end (`exit`), a place (`main`, `thread`,
 * `cluster`), a state of the broker (`up`, `down`, `stopped`, `full`, `unspooled`). --node selects those on one major
 * version of Node, --newer those on versions newer than this one. Prints one line for each cell (with --json one object), then a table and the number of processes and files
 * that are left behind; the last line is "N passed, N failed". Exit status 1 if a cell failed, or something is left.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { leftoverFaults, leftoversSentence, watchLeftovers } from '../support/leftovers.mjs';
import { requireRabbitmq } from '../support/require-rabbitmq.mjs';
import { majorOf, NODES, nodeProgram } from '../versions/versions.mjs';
import { controlOf, tryCell } from './cells.mjs';
import { CELLS, isForEachNode, STATES } from './table.mjs';

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '20' },
    node: { type: 'string' },
    newer: { type: 'boolean', default: false },
  },
});

/** The version that runs this, on which all cells are tested, then newer major versions. */
const HERE = process.versions.node;
const VERSIONS = [HERE, ...[...NODES, '26.12.1'].filter((version) => majorOf(version) > majorOf(HERE))];
/** Number of concurrent cells. A process mostly waits. */
const SIDE_BY_SIDE = 2 * os.availableParallelism();

function chosenCells() {
  const cells = VERSIONS.flatMap((node) =>
    CELLS.filter((cell) => node === HERE || isForEachNode(cell)).map((cell) => ({ ...cell, node })),
  );
  return cells.filter(
    ({ name, broker, place, node }) =>
      (flags.node === undefined || majorOf(node) === flags.node) &&
      !(flags.newer && node === HERE) &&
      names.every((word) => word === broker || word === place || name.split(' ').includes(word)),
  );
}

/** The program of each version. */
const programs = new Map([[HERE, process.execPath]]);
const controls = new Map();

/** How the process ends without Loghive, determined once. */
function controlFor({ end, place, node }, nodePath) {
  const key = `${end} ${place} ${node}`;
  if (!controls.has(key)) controls.set(key, controlOf({ end, place }, nodePath));
  return controls.get(key);
}

let services = 0;

async function run(cell, url) {
  const begun = performance.now();
  const nodePath = programs.get(cell.node);
  const faults = [];
  for (let number = 0; number < Number(flags.runs); number++) {
    try {
      const control = await controlFor(cell, nodePath);
      const found = await tryCell(cell, { nodePath, url, service: `exits${++services}`, control });
      if (found.length > 0) faults.push(found);
    } catch (error) {
      faults.push([error.message]);
    }
  }
  return { faults, seconds: Number(((performance.now() - begun) / 1000).toFixed(1)) };
}

const counts = { passed: 0, failed: 0 };
/** Number of failed runs by row and state of the broker. */
const table = new Map();

function report({ name, integration, end, place, broker, node }, { faults, seconds }) {
  const ok = faults.length === 0;
  counts[ok ? 'passed' : 'failed']++;
  const row = [`Node ${node}`.padEnd(13), integration, end, ...(place === 'main' ? [] : [place])].join(' ');
  table.set(row, { ...table.get(row), [broker]: faults.length });
  const runs = Number(flags.runs);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ ok, name, node, runs, failed: faults.length, seconds, faults })}\n`);
    return;
  }
  const line = [ok ? 'ok  ' : 'FAIL', `Node ${node}`.padEnd(13), name.padEnd(42), `${runs - faults.length}/${runs}`];
  const lines = faults.slice(0, 3).flatMap((each) => each.map((fault) => `       ${fault}`));
  process.stdout.write(`${[line.join('  '), ...lines].join('\n')}\n`);
}

/** One line for each row, with the number of failed runs or `ok` in each state of the broker. */
function formatTable() {
  const width = Math.max(...[...table.keys()].map((row) => row.length));
  const line = (first, cells) => [first.padEnd(width), ...cells.map((each) => each.padEnd(8))].join('  ').trimEnd();
  const shown = (failed) => (failed === undefined ? '-' : failed === 0 ? 'ok' : String(failed));
  const rows = [...table].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = rows.map(([row, failed]) =>
    line(
      row,
      STATES.map((state) => shown(failed[state])),
    ),
  );
  return [line('', STATES), ...lines].join('\n');
}

async function main() {
  const waiting = chosenCells();
  if (waiting.length === 0) throw new Error(`no cell has ${names.join(' and ')} in its name`);
  for (const { node } of waiting) if (!programs.has(node)) programs.set(node, await nodeProgram(node));
  const leftovers = watchLeftovers();
  const rabbitmq = await requireRabbitmq();
  try {
    const workers = Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (let cell = waiting.shift(); cell; cell = waiting.shift()) report(cell, await run(cell, rabbitmq.url));
    });
    await Promise.all(workers);
  } finally {
    await rabbitmq.stop();
  }
  const left = await leftovers.count();
  for (const fault of leftoverFaults(left)) process.stderr.write(`${fault}\n`);
  if (!flags.json) process.stdout.write(`\n${formatTable()}\n\n${leftoversSentence(left)}\n`);
  const { passed, failed } = counts;
  process.stdout.write(`${flags.json ? JSON.stringify({ ...counts, left }) : `${passed} passed, ${failed} failed`}\n`);
  process.exitCode = failed === 0 && leftoverFaults(left).length === 0 ? 0 : 1;
}

await main();
