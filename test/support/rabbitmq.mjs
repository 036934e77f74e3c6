import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { findEpmd, findRabbitmq } from './find-rabbitmq.mjs';
import { freePorts } from './ports.mjs';
import { administer } from './rabbitmq-admin.mjs';
import { evaluate } from './rabbitmq-control.mjs';
import { sleep } from './wait.mjs';
import { startWatchdog } from './watchdog.mjs';

const run = promisify(execFile);
const BOOT_DEADLINE_MS = 60_000;

/**
 * Quorum queues have their own files, and the soft limit of a login shell is often 1,024. A node above it accepts
 * connections and never answers. A larger limit than this would only cost Erlang memory.
 */
const RAISE_OPEN_FILES = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$0"';

/** Starts a private node; see rabbitmq.d.mts. */
export async function startRabbitmq(options = {}) {
  const installation = options.installation ?? findRabbitmq();
  if (installation === undefined) {
    throw new Error(
      'no RabbitMQ server found: install it (Debian: apt-get install rabbitmq-server) or set RABBITMQ_HOME',
    );
  }
  const { scripts, programs } = installation;
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'loghive-rabbitmq-')));
  await mkdir(join(dir, 'log'), { recursive: true });
  const { cluster } = options;
  const [amqp, dist, ownEpmdPort, controlPort, tlsPort, managementPort] = await freePorts(6);
  const port = options.port ?? amqp;
  const epmdPort = cluster?.epmdPort ?? ownEpmdPort;
  const controlSecret = randomBytes(16).toString('hex');
  const plugins = options.plugins ?? [];
  await writeConfiguration(dir, { ...options, port, tlsPort, managementPort, plugins });

  const environment = {
    ...clean(process.env),
    ...(programs === undefined ? {} : { PATH: [programs, process.env.PATH].join(delimiter) }),
    HOME: dir,
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    // Its epmd only knows the nodes of its cluster. Data in `dir` belongs to the node name.
    RABBITMQ_NODENAME: cluster?.node ?? 'loghive@localhost',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(dist),
    RABBITMQ_MNESIA_BASE: join(dir, 'data'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_PID_FILE: join(dir, 'rabbitmq.pid'),
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(dir, 'config'),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  const serverEnvironment = {
    ...environment,
    // Makes the script replace itself with the server (exec), so that there is only one pid to kill.
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_SERVER_START_ARGS: `-noinput -loghive_node ${dir}`,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    ERL_AFLAGS: `-eval 'file:eval(os:getenv("LOGHIVE_BOOT"))'`,
    LOGHIVE_BOOT: join(import.meta.dirname, 'rabbitmq-boot.erl'),
    LOGHIVE_CONTROL_PORT: String(controlPort),
    LOGHIVE_CONTROL_SECRET: controlSecret,
  };
  const epmdMark = `-port ${epmdPort} `;
  const watchdog = startWatchdog({
    dir,
    removeDir: options.dir === undefined,
    processes: [
      { pidFile: join(dir, 'server.pid'), mark: dir },
      ...(cluster?.epmdPort === undefined ? [{ pidFile: join(dir, 'epmd.pid'), mark: epmdMark }] : []),
    ],
  });
  const node = {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    controlPort,
    controlSecret,
    ...(options.tls ? { tlsUrl: `amqps://guest:guest@127.0.0.1:${tlsPort}`, tlsPort } : {}),
  };

  let epmd;
  let server;
  let version;

  async function start() {
    if (server !== undefined) throw new Error('the RabbitMQ test node is already running');
    if (epmd === undefined && cluster?.epmdPort === undefined) {
      // Started here rather than by Erlang, which would leave an unowned daemon behind.
      const address = ['-port', String(epmdPort), '-address', '127.0.0.1'];
      epmd = await launch(findEpmd(environment.PATH), address, environment, dir, 'epmd');
    }
    server = await launch(
      '/bin/sh',
      ['-c', RAISE_OPEN_FILES, join(scripts, 'rabbitmq-server')],
      serverEnvironment,
      dir,
      'server',
    );
    const started = server;
    started.exited.then(() => {
      if (server === started) server = undefined;
    });
    const deadline = performance.now() + BOOT_DEADLINE_MS;
    for (let state = 'absent'; state !== 'ready'; await sleep(30)) {
      if (server === undefined) throw new Error(`RabbitMQ exited during startup:\n${tail(dir)}`);
      if (performance.now() > deadline) {
        throw new Error(`RabbitMQ was not ready within ${BOOT_DEADLINE_MS} ms (${state}):\n${tail(dir)}`);
      }
      state = await evaluate(node, 'rabbit_boot_state:get()', 5000).catch((error) => error.message);
    }
    version ??= await administer(node).version();
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
    await kill('SIGKILL');
    if (epmd !== undefined) {
      process.kill(epmd.pid, 'SIGKILL');
      await epmd.gone();
      epmd = undefined;
    }
    await watchdog.release();
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }

  function signal(name) {
    if (server === undefined) throw new Error(`RabbitMQ is not running, so it cannot handle ${name}`);
    process.kill(server.pid, name);
  }

  try {
    await start();
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }

  return {
    ...node,
    ...administer(node),
    dir,
    version,
    epmdPort,
    management: plugins.includes('rabbitmq_management') ? { url: `http://127.0.0.1:${managementPort}` } : undefined,
    get pid() {
      return server?.pid;
    },
    /** Plain data with which another process can administer this node. */
    description: { ...node, version },
    kill,
    start,
    async restart(killSignal = 'SIGKILL') {
      await kill(killSignal);
      await start();
    },
    stop,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async ctl(...args) {
      const { stdout } = await run(join(scripts, 'rabbitmqctl'), ['--quiet', ...args], { env: environment, cwd: dir });
      return stdout;
    },
    log: () => tail(dir, 1_000_000),
  };
}

/** Written as Erlang terms: parsing a rabbitmq.conf takes a third of a second, so it is written only if needed. */
async function writeConfiguration(dir, { port, tls, tlsPort, managementPort, plugins, extraConf, cluster }) {
  const rabbit = [`{tcp_listeners, [{"127.0.0.1", ${port}}]}`];
  if (cluster) rabbit.push(`{cluster_nodes, {[${cluster.nodes.map((node) => `'${node}'`).join(', ')}], disc}}`);
  if (tls !== undefined) {
    const files = {};
    for (const part of ['ca', 'cert', 'key']) {
      files[part] = join(dir, `tls-${part}.pem`);
      const content = tls[part].includes('-----BEGIN') ? tls[part] : readFileSync(tls[part], 'utf8');
      await writeFile(files[part], content, { mode: 0o600 });
    }
    const verify = tls.verifyPeer
      ? '{verify, verify_peer}, {fail_if_no_peer_cert, true}'
      : '{verify, verify_none}, {fail_if_no_peer_cert, false}';
    rabbit.push(
      `{ssl_listeners, [{"127.0.0.1", ${tlsPort}}]}`,
      `{ssl_options, [{cacertfile, "${files.ca}"}, {certfile, "${files.cert}"}, {keyfile, "${files.key}"}, ${verify}]}`,
    );
  }
  const management = `{rabbitmq_management, [{tcp_config, [{ip, "127.0.0.1"}, {port, ${managementPort}}]}]}`;
  await writeFile(join(dir, 'advanced.config'), `[{rabbit, [${rabbit.join(', ')}]}, ${management}].\n`);
  await writeFile(join(dir, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
  if (extraConf !== undefined) await writeFile(join(dir, 'rabbitmq.conf'), `${extraConf}\n`);
  const cookie = join(dir, '.erlang.cookie');
  if (!existsSync(cookie)) {
    await writeFile(cookie, cluster?.cookie ?? randomBytes(16).toString('hex'));
    await chmod(cookie, 0o400);
  }
}

async function launch(file, args, env, dir, name) {
  const output = openSync(join(dir, 'log', `${name}.out`), 'a');
  const child = spawn(file, args, { env, cwd: dir, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  const exited = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
  await writeFile(join(dir, `${name}.pid`), `${child.pid}\n`);
  // A running server must not keep this process alive; a caller that waits for its exit must.
  const gone = () => {
    child.ref();
    return exited;
  };
  return { pid: child.pid, exited, gone };
}

/** Removes environment variables that are meant for another node. */
function clean(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(RABBITMQ_|ERL_)/.test(name)));
}

function tail(dir, bytes = 4000) {
  const folder = join(dir, 'log');
  const texts = readdirSync(folder).map(
    (name) => `${name}:\n${readFileSync(join(folder, name), 'utf8').slice(-bytes)}`,
  );
  return texts.join('\n');
}
