import { spawn } from 'node:child_process';
import { chmodSync, chownSync, closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { installPackage, whyNotInstall } from './install-package.mjs';
import { freePort } from './ports.mjs';
import { reachableTemporaryFolder, serverUser } from './postgres-binaries.mjs';
import { eventually } from './wait.mjs';
import { startWatchdog } from './watchdog.mjs';

const START_DEADLINE_MS = 10_000;

/** The program; undefined if it is not installed. */
export function findPgbouncer() {
  // Debian's folder is not on every PATH.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, 'pgbouncer')).find((file) => existsSync(file));
}

/** The program, installed if necessary; see pgbouncer.d.mts. */
export function requirePgbouncer() {
  const found = findPgbouncer();
  if (found !== undefined) return found;
  const obstacle = whyNotInstall();
  if (obstacle !== undefined) {
    throw new Error(
      `these tests need PgBouncer and found none on the PATH or in /usr/sbin, and ${obstacle}. ` +
        'Install it (Debian, Ubuntu: apt-get install pgbouncer; macOS: brew install pgbouncer).',
    );
  }
  installPackage('pgbouncer');
  return findPgbouncer();
}

/** Starts a private PgBouncer in front of a server; see pgbouncer.d.mts. */
export async function startPgbouncer({ target, settings = {} }) {
  const program = requirePgbouncer();
  const user = serverUser();
  const port = await freePort();
  const dir = await mkdtemp(join(reachableTemporaryFolder(), 'loghive-pgbouncer-'));
  const file = (name) => join(dir, name);
  const logins = new Map();
  const watchdog = startWatchdog({
    dir,
    removeDir: true,
    processes: [{ pidFile: file('server.pid'), mark: file('pgbouncer.ini') }],
  });
  let server;

  function giveToServerUser(path, mode) {
    chmodSync(path, mode);
    if (user !== undefined) chownSync(path, user.uid, user.gid);
  }

  async function writeSettings() {
    const { hostname, port: targetPort, username, password } = new URL(target);
    logins.set(decodeURIComponent(username), decodeURIComponent(password));
    const all = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'scram-sha-256',
      auth_file: file('users.txt'),
      admin_users: decodeURIComponent(username),
      pool_mode: 'transaction',
      // The default of 15 seconds is long for a test. A login that is interrupted by a "reconnect" also counts as
      // failed.
      server_login_retry: 0.1,
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
    const databases = ['[databases]', `* = host=${hostname} port=${targetPort}`];
    await writeFile(file('pgbouncer.ini'), [...databases, '[pgbouncer]', ...lines, ''].join('\n'));
    await writeLogins();
    for (const name of ['pgbouncer.ini', 'users.txt']) giveToServerUser(file(name), 0o600);
  }

  async function writeLogins() {
    const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
    const lines = [...logins].map(([name, password]) => `${quoted(name)} ${quoted(password)}\n`);
    await writeFile(file('users.txt'), lines.join(''));
  }

  async function start() {
    if (server !== undefined) throw new Error('the PgBouncer test server is already running');
    const output = openSync(file('server.log'), 'a');
    const child = spawn(program, [file('pgbouncer.ini')], {
      ...user,
      env: { PATH: process.env.PATH, HOME: dir },
      cwd: '/',
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    const exited = new Promise((resolve) => {
      child.once('exit', resolve);
      child.once('error', resolve);
    });
    child.unref();
    await writeFile(file('server.pid'), `${child.pid ?? ''}\n`);
    // A running server must not keep this process alive; a caller that waits for its exit must.
    const gone = () => {
      child.ref();
      return exited;
    };
    const started = { pid: child.pid, gone };
    server = started;
    exited.then(() => {
      if (server === started) server = undefined;
    });
    await eventually(
      async () => {
        if (server === undefined) throw new Error(`PgBouncer exited during startup:\n${log(4000)}`);
        await admin('show version');
      },
      { what: 'PgBouncer answers', withinMs: START_DEADLINE_MS },
    );
  }

  async function kill(signal = 'SIGKILL') {
    const victim = server;
    if (victim === undefined) return;
    process.kill(victim.pid, signal);
    await victim.gone();
    server = undefined;
  }

  async function stop() {
    await kill('SIGKILL');
    await watchdog.release();
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  function url(databaseUrl) {
    const through = new URL(databaseUrl);
    through.hostname = '127.0.0.1';
    through.port = String(port);
    return through.href;
  }

  async function admin(command) {
    const client = new pg.Client({ connectionString: url(target.replace(/\/[^/]*$/, '/pgbouncer')) });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query(command)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }

  function log(bytes = 1_000_000) {
    return existsSync(file('server.log')) ? readFileSync(file('server.log'), 'utf8').slice(-bytes) : '';
  }

  try {
    if (user !== undefined) chownSync(dir, user.uid, user.gid);
    await writeSettings();
    await start();
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }

  return {
    port,
    dir,
    url,
    admin,
    async addLogin(name, password) {
      logins.set(name, password);
      await writeLogins();
      await admin('reload');
    },
    get pid() {
      return server?.pid;
    },
    kill,
    start,
    async restart(signal = 'SIGKILL') {
      await kill(signal);
      await start();
    },
    stop,
    log,
  };
}
