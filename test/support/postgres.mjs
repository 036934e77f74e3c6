import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './ports.mjs';
import { administer } from './postgres-admin.mjs';
import { postgresBinaries, reachableTemporaryFolder, serverUser } from './postgres-binaries.mjs';
import { sleep } from './wait.mjs';
import { startWatchdog } from './watchdog.mjs';

const run = promisify(execFile);
const START_DEADLINE_MS = 30_000;

// Nothing here must survive a crash of the machine, so nothing has to be synced to disk. Dynamic shared memory uses
// files in the data folder, because /dev/shm would keep it after a SIGKILL.
const FAST = { fsync: 'off', full_page_writes: 'off', dynamic_shared_memory_type: 'mmap', max_connections: 100 };

/** Starts a private server; see postgres.d.mts. */
export async function startPostgres(options = {}) {
  const binDir = await postgresBinaries(options.binDir);
  const user = serverUser();
  const port = options.port ?? (await freePort());
  const dir = options.dir ?? (await mkdtemp(join(reachableTemporaryFolder(), 'loghive-postgres-')));
  await mkdir(dir, { recursive: true });
  giveToServerUser(dir);
  const data = join(dir, 'data');
  // Stored next to the data: a folder that is reused already has its superuser.
  const passwordFile = join(dir, 'password');
  if (!existsSync(passwordFile)) await writeFile(passwordFile, randomBytes(8).toString('hex'), { mode: 0o600 });
  giveToServerUser(passwordFile);
  const password = readFileSync(passwordFile, 'utf8');
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', HOME: dir, TZ: 'UTC' };
  const watchdog = startWatchdog({
    dir,
    removeDir: options.dir === undefined,
    processes: [{ pidFile: join(dir, 'server.pid'), mark: data }],
  });
  let server;

  function giveToServerUser(path) {
    if (user !== undefined) chownSync(path, user.uid, user.gid);
  }

  async function initialize() {
    if (!existsSync(join(data, 'PG_VERSION'))) {
      const how = ['-U', 'postgres', '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
      await run(join(binDir, 'initdb'), ['-D', data, '--pwfile', passwordFile, ...how], { ...user, env, cwd: '/' });
    }
    if (options.hba !== undefined) {
      await writeFile(join(data, 'pg_hba.conf'), `${options.hba}\n`);
    }
  }

  async function tlsSettings() {
    if (options.tls === undefined) return {};
    const settings = { ssl: 'on' };
    for (const [part, setting] of Object.entries({ ca: 'ssl_ca_file', cert: 'ssl_cert_file', key: 'ssl_key_file' })) {
      if (options.tls[part] === undefined) continue;
      const content = options.tls[part].includes('-----BEGIN') ? options.tls[part] : readFileSync(options.tls[part]);
      const file = join(dir, `tls-${part}.pem`);
      await writeFile(file, content);
      chmodSync(file, 0o600);
      giveToServerUser(file);
      settings[setting] = file;
    }
    return settings;
  }

  async function spawnServer() {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      ...FAST,
      ...(await tlsSettings()),
      ...options.settings,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const output = openSync(join(dir, 'server.log'), 'a');
    const child = spawn(join(binDir, 'postgres'), ['-D', data, '-p', String(port), ...flags], {
      ...user,
      env,
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
    await writeFile(join(dir, 'server.pid'), `${child.pid ?? ''}\n`);
    // A running server must not keep this process alive; a caller that waits for its exit must.
    const gone = () => {
      child.ref();
      return exited;
    };
    return { pid: child.pid, exited, gone };
  }

  async function start() {
    if (server !== undefined) throw new Error('the PostgreSQL test server is already running');
    const deadline = performance.now() + START_DEADLINE_MS;
    for (;;) {
      if (server === undefined) await launch();
      const failure = await probe();
      if (failure === undefined) return;
      if (performance.now() > deadline) {
        throw new Error(`PostgreSQL was not ready within ${START_DEADLINE_MS} ms: ${failure}\n${log(4000)}`);
      }
      // After a SIGKILL, the server's children need up to two seconds to notice and to release shared memory. Until
      // then a new server exits immediately. Any other early exit is an error.
      if (server === undefined && !/shared memory|lock file/.test(log(2000))) {
        throw new Error(`PostgreSQL exited during startup:\n${log(4000)}`);
      }
      await sleep(server === undefined ? 100 : 20);
    }
  }

  async function launch() {
    const started = await spawnServer();
    // In this order, so that a server that has already exited does not count as running.
    server = started;
    started.exited.then(() => {
      if (server === started) server = undefined;
    });
  }

  async function probe() {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return undefined;
    } catch (error) {
      // A test's pg_hba.conf may reject this login on purpose; then the server is up.
      return options.hba !== undefined && error.code === '28000' ? undefined : error.message;
    } finally {
      await client.end().catch(() => {});
    }
  }

  async function kill(signal = 'SIGKILL') {
    const victim = server;
    if (victim === undefined) return;
    process.kill(victim.pid, signal);
    // A paused process handles no signal but SIGKILL until it continues.
    if (signal !== 'SIGKILL') process.kill(victim.pid, 'SIGCONT');
    await victim.gone();
    server = undefined;
  }

  async function stop() {
    // SIGQUIT: immediate, but children and shared memory are cleaned up as well.
    await kill('SIGQUIT');
    await removeSharedMemory();
    await watchdog.release();
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  /** A server killed by SIGKILL leaves a System V segment behind. Its id is the last word of this line. */
  async function removeSharedMemory() {
    const file = join(data, 'postmaster.pid');
    if (!existsSync(file)) return;
    const id = readFileSync(file, 'utf8').split('\n')[6]?.trim().split(/\s+/)[1];
    if (id !== undefined) await run('ipcrm', ['-m', id]).catch(() => {});
  }

  function log(bytes = 1_000_000) {
    const file = join(dir, 'server.log');
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-bytes) : '';
  }

  function signal(name) {
    if (server === undefined) throw new Error(`PostgreSQL is not running, so it cannot handle ${name}`);
    process.kill(server.pid, name);
  }

  try {
    await initialize();
    await start();
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }

  const admin = administer({ url });
  const version = await admin.query('show server_version').then(
    ([row]) => row.server_version,
    () => 'unknown',
  );
  return {
    ...admin,
    url,
    host: '127.0.0.1',
    port,
    dir,
    version,
    description: { url, version },
    get pid() {
      return server?.pid;
    },
    kill,
    start,
    async restart(killSignal = 'SIGINT') {
      await kill(killSignal);
      await start();
    },
    stop,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    log,
  };
}
