import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './ports.mjs';
import { administer } from './rabbitmq-admin.mjs';
import { evaluate } from './rabbitmq-control.mjs';
import { sleep } from './wait.mjs';

// The oldest supported version; LOGHIVE_TEST_RABBITMQ_IMAGE=rabbitmq:4 selects another.
const IMAGE = process.env.LOGHIVE_TEST_RABBITMQ_IMAGE ?? 'rabbitmq:3.10';
const BOOT_DEADLINE_MS = 120_000;

/** Whether a Docker (or compatible) engine is available. */
export async function hasContainerEngine() {
  try {
    const { getContainerRuntimeClient } = await import('testcontainers');
    await getContainerRuntimeClient();
    return true;
  } catch {
    return false;
  }
}

/**
 * Like startRabbitmq(), in a container of the official image. Signals are sent to the container's first process, which
 * is the server; its data stays in the container until stop(). testcontainers removes it when this process exits.
 */
export async function startRabbitmqContainer({ image = IMAGE, ...options } = {}) {
  if (options.dir !== undefined) {
    throw new Error('a RabbitMQ in a container keeps its data there: the option dir needs an installed server');
  }
  if (options.cluster !== undefined)
    throw new Error('a RabbitMQ in a container cannot join a cluster: install a server');
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  // Fixed host ports, because Docker assigns new random ones at every start.
  const [amqp, controlPort, tlsPort, managementPort] = await freePorts(4);
  const port = options.port ?? amqp;
  const plugins = options.plugins ?? [];
  const controlSecret = randomBytes(16).toString('hex');
  const container = await new GenericContainer(image)
    .withHostname('loghive')
    .withEnvironment({
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-loghive_node container',
      ERL_AFLAGS: `-eval 'file:eval(os:getenv("LOGHIVE_BOOT"))'`,
      LOGHIVE_BOOT: '/loghive/rabbitmq-boot.erl',
      LOGHIVE_CONTROL_ADDRESS: '0.0.0.0',
      LOGHIVE_CONTROL_PORT: '25600',
      LOGHIVE_CONTROL_SECRET: controlSecret,
    })
    .withCopyContentToContainer(files(options, plugins))
    .withExposedPorts(
      { container: 5672, host: port },
      { container: 25600, host: controlPort },
      ...(options.tls ? [{ container: 5671, host: tlsPort }] : []),
      ...(plugins.includes('rabbitmq_management') ? [{ container: 15672, host: managementPort }] : []),
    )
    .withWaitStrategy(Wait.forLogMessage(/Server startup complete/))
    .withStartupTimeout(BOOT_DEADLINE_MS)
    .start();

  const host = container.getHost();
  const node = {
    url: `amqp://guest:guest@${host}:${port}`,
    host,
    port,
    controlHost: host,
    controlPort,
    controlSecret,
    ...(options.tls ? { tlsUrl: `amqps://guest:guest@${host}:${tlsPort}`, tlsPort } : {}),
  };
  const client = await getContainerRuntimeClient();
  const docker = client.container.getById(container.getId());
  let running = true;

  async function start() {
    if (!running) await docker.start();
    running = true;
    const deadline = performance.now() + BOOT_DEADLINE_MS;
    for (let state = 'absent'; state !== 'ready'; await sleep(50)) {
      if (performance.now() > deadline) {
        throw new Error(`RabbitMQ in a container was not ready within ${BOOT_DEADLINE_MS} ms (${state})`);
      }
      state = await evaluate(node, 'rabbit_boot_state:get()', 5000).catch((error) => error.message);
    }
  }

  async function kill(signal = 'SIGKILL') {
    if (!running) return;
    const ended = docker.wait();
    await docker.kill({ signal });
    await ended;
    running = false;
  }

  try {
    await start();
  } catch (error) {
    await container.stop().catch(() => {});
    throw error;
  }
  const admin = administer(node);
  const version = await admin.version();
  return {
    ...node,
    ...admin,
    dir: undefined,
    version,
    management: plugins.includes('rabbitmq_management') ? { url: `http://${host}:${managementPort}` } : undefined,
    pid: undefined,
    description: { ...node, version },
    kill,
    start,
    async restart(killSignal = 'SIGKILL') {
      await kill(killSignal);
      await start();
    },
    async stop() {
      await container.stop();
    },
    pause: () => docker.pause(),
    resume: () => docker.unpause(),
    async ctl(...args) {
      const { exitCode, stdout, output } = await container.exec(['rabbitmqctl', '--quiet', ...args]);
      if (exitCode !== 0) throw new Error(`rabbitmqctl ${args[0]} ended with ${exitCode}: ${output}`);
      return stdout;
    },
    async log() {
      return (await docker.logs({ stdout: true, stderr: true })).toString('utf8');
    },
  };
}

function files({ tls, extraConf }, plugins) {
  const settings = ['loopback_users = none', extraConf ?? ''];
  const result = [
    {
      content: readFileSync(join(import.meta.dirname, 'rabbitmq-boot.erl'), 'utf8'),
      target: '/loghive/rabbitmq-boot.erl',
    },
    { content: `[${plugins.join(',')}].\n`, target: '/etc/rabbitmq/enabled_plugins' },
  ];
  if (tls !== undefined) {
    for (const part of ['ca', 'cert', 'key']) {
      const content = tls[part].includes('-----BEGIN') ? tls[part] : readFileSync(tls[part], 'utf8');
      // Readable by the image's user, whose id is not documented.
      result.push({ content, target: `/loghive/${part}.pem`, mode: 0o644 });
    }
    settings.push(
      'listeners.ssl.default = 5671',
      'ssl_options.cacertfile = /loghive/ca.pem',
      'ssl_options.certfile = /loghive/cert.pem',
      'ssl_options.keyfile = /loghive/key.pem',
      `ssl_options.verify = ${tls.verifyPeer ? 'verify_peer' : 'verify_none'}`,
      `ssl_options.fail_if_no_peer_cert = ${tls.verifyPeer === true}`,
    );
  }
  result.push({ content: `${settings.join('\n')}\n`, target: '/etc/rabbitmq/conf.d/90-loghive.conf' });
  return result;
}
