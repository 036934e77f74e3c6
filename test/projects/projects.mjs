import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { startChild } from '../support/child.mjs';
import { installOnce } from './installation.mjs';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..', '..');

/** Number of orders that each project logs, and the stored levels of Winston's levels, in the order of the calls. */
export const ORDERS = 100;
const STORED_LEVELS = ['ERROR', 'WARNING', 'INFO', 'INFO', 'DEBUG'];

const programs = {
  esm: script('main.js'),
  commonjs: script('main.js'),
  jest: async (folder) => {
    const tool = await installOnce(ownTools('jest'));
    const args = ['--rootDir', folder, '--runInBand', '--ci', '--no-cache', '--colors=false'];
    return { file: path.join(tool, 'node_modules', 'jest', 'bin', 'jest.js'), args };
  },
  'typescript-commonjs': script('out/main.js'),
  'typescript-nodenext-esm': script('out/main.js'),
  'typescript-nodenext-commonjs': script('out/main.js'),
};

export const PROJECTS = Object.keys(programs);

/** The devDependencies of a project's package.json: the tools that run or compile it. */
function ownTools(name) {
  const manifest = readFileSync(path.join(import.meta.dirname, name, 'package.json'), 'utf8');
  return Object.entries(JSON.parse(manifest).devDependencies ?? {}).map((each) => each.join('@'));
}

function script(file) {
  return async (folder) => ({ file: path.join(folder, file), args: [] });
}

/** Copies a project into the installation and compiles TypeScript; see projects.d.mts. */
export async function prepareProject(name, installation) {
  const folder = path.join(installation.folder, name);
  const modules = path.join(folder, 'node_modules');
  await cp(path.join(import.meta.dirname, name), folder, {
    recursive: true,
    filter: (file) => path.basename(file) !== 'node_modules',
  });
  await cp(path.join(installation.app, 'node_modules'), modules, { recursive: true, verbatimSymlinks: true });
  if (existsSync(path.join(folder, 'tsconfig.json'))) await compile(name, folder, modules);
  return { name, folder, ...(await programs[name](folder)) };
}

async function compile(name, folder, modules) {
  for (const types of ['@types/node', 'undici-types']) {
    await mkdir(path.dirname(path.join(modules, types)), { recursive: true });
    await cp(path.join(root, 'node_modules', types), path.join(modules, types), { recursive: true });
  }
  // A project with its own TypeScript version is compiled by that one, the others by the one of this checkout.
  const tools = ownTools(name);
  const home = tools.length > 0 ? await installOnce(tools) : root;
  const tsc = path.join(home, 'node_modules', 'typescript', 'bin', 'tsc');
  await run(process.execPath, [tsc, '-p', folder]).catch((error) => {
    throw new Error(`project ${name} does not compile:\n${error.stdout}`, { cause: error });
  });
}

/** Runs it until it ends by itself, while it logs as `service`. */
export async function runProject({ name, folder, file, args }, { url, service, nodePath }) {
  const env = { LOGHIVE_URL: url, LOGHIVE_SERVICE: service };
  const child = startChild(file, { cwd: folder, args, env, ...(nodePath ? { nodePath } : {}) });
  const watch = setTimeout(() => void child.kill(), 60_000);
  const { code, signal } = await child.exited;
  clearTimeout(watch);
  if (code !== 0) throw new Error(`project ${name} ended with ${signal ?? code}:\n${child.lines.join('\n')}`);
  return child.lines;
}

/** Describes the orders of a project that are not in the table as expected. */
export async function faultsOf(service, query) {
  const rows = await query(
    `select information->>'order' as n, level::text as level, message, count(*)::int as times
       from logs.records where service = $1 group by 1, 2, 3`,
    [service],
  );
  const faults = [];
  const seen = new Map(rows.map((row) => [Number(row.n), row]));
  for (let order = 0; order < ORDERS; order++) {
    const row = seen.get(order);
    const level = STORED_LEVELS[order % STORED_LEVELS.length];
    if (row === undefined) faults.push(`order ${order} is missing`);
    else if (row.times !== 1 || row.level !== level || row.message !== 'order placed') {
      faults.push(`order ${order} is ${JSON.stringify(row)}, expected once as ${level}`);
    }
  }
  if (rows.length > ORDERS) faults.push(`${rows.length} kinds of rows, expected ${ORDERS}`);
  return faults;
}
