/** The testbed of a scenario: a vhost, a database, applications, consumers, and the final accounting. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startChild } from '../support/child.mjs';
import { startProxy } from '../support/proxy.mjs';
import { eventually, sleep } from '../support/wait.mjs';
import { account } from './account.mjs';
import { startApplication } from './application.mjs';
import { createBrokerCounters } from './broker-counters.mjs';
import { COMMAND, createConsumers } from './consumers.mjs';

/** Above the delivery suite's minimum, so that a briefly busy machine does not fail a scenario. */
const PER_SECOND = 3000;
const SERVICE = 'shop';
const DRAIN_MS = 60_000;

/**
 * @param scenario see run-suite.mjs.
 * @param setup.size the scenario's current `size`.
 * @param setup.leastRecords minimum number of records that all applications log together.
 */
export async function openTestbed(scenario, { rabbitmq, postgres, random, size, leastRecords }) {
  const name = scenario.name.replaceAll('-', '_');
  const folder = await mkdtemp(path.join(tmpdir(), `loghive-${scenario.name}-`));
  const url = await rabbitmq.addVhost(name);
  const databaseUrl = await postgres.createDatabase(name);
  const spool = path.join(folder, 'spool');
  const env = { LOGHIVE_SPOOL_DIR: spool, ...scenario.env };
  const broker = createBrokerCounters(rabbitmq, name);
  await broker.begin();
  const consumers = createConsumers({
    folder,
    services: [SERVICE],
    url,
    databaseUrl: scenario.databaseUrl ? await scenario.databaseUrl({ postgres, database: name }) : databaseUrl,
    env,
    usualOptions: scenario.consumer ?? {},
  });
  const applications = [];
  /** How those that a scenario ended itself have ended. */
  const terminated = new Map();
  const commands = [];
  const proxies = [];
  const undo = [];
  const faults = [];
  /** Refs of good records that did not come from an application, and of those that may be stored or not. */
  const published = [];
  const doubtful = [];
  const query = (sql, params) => postgres.query(sql, params, name);

  async function openProxy({ host, port }) {
    const proxy = await startProxy({ target: { host, port } });
    proxies.push(proxy);
    return proxy;
  }

  const testbed = {
    service: SERVICE,
    size,
    leastRecords,
    vhost: name,
    database: name,
    url,
    databaseUrl,
    rabbitmq,
    postgres,
    broker,
    consumers,
    random,
    query,
    sleep,
    eventually,
    between: (low, high) => low + Math.floor(random() * (high - low)),

    /** Starts an application that connects but does not log yet. */
    application({ name: own = 'app', ...options } = {}) {
      const application = startApplication({
        name: own,
        folder,
        service: SERVICE,
        url,
        perSecond: PER_SECOND,
        env,
        ...options,
      });
      applications.push(application);
      return application;
    },

    /** Runs the `loghive` command. */
    loghive(args) {
      const child = startChild(COMMAND, { args, cwd: folder, env });
      commands.push(child);
      return child;
    },

    proxyToBroker: () => openProxy(rabbitmq),
    proxyToPostgres: () => openProxy(postgres),

    /** Ends an application by SIGTERM. What it had not accepted by then may be stored or not. */
    async terminate(application) {
      const end = await application.terminate();
      terminated.set(application, end);
      testbed.addDoubtful(application.doubtfulRefs());
      return end;
    },

    /** Files with records that producers have left on disk: names of their service and of the file. */
    async spooled() {
      const services = await readdir(spool).catch(() => []);
      const files = services.map(async (service) => {
        const names = await readdir(path.join(spool, service));
        return names.map((name) => path.join(service, name));
      });
      return (await Promise.all(files)).flat();
    },

    /** Starts a consumer and an application that logs; both accept options. */
    async begin({ consumer: consumerSetup, ...options } = {}) {
      const consumer = consumers.script(consumerSetup);
      const application = testbed.application(options);
      await Promise.all([consumer.ready(), application.untilConnected()]);
      await application.log();
      return { consumer, application };
    },

    /** Starts an application that logs. */
    async logging(options) {
      const application = testbed.application(options);
      await application.untilConnected();
      await application.log();
      return application;
    },

    /** Records a fault that the scenario itself detected. */
    fault: (sentence) => faults.push(sentence),
    faults,

    /** Registers cleanup of a server-wide fault, which runs however the scenario ends. */
    afterwards: (work) => undo.unshift(work),

    /** Adds refs of good records that were published directly and confirmed by the broker. */
    addPublished(refs) {
      // One by one, because there may be too many for the arguments of one call.
      for (const ref of refs) published.push(ref);
    },
    /** Adds refs of records that may become a row or a dead letter. */
    addDoubtful: (refs) => doubtful.push(...refs),

    queues: () => rabbitmq.listQueues(name),
    /** Number of messages in all queues, including unacknowledged ones. */
    messages: async () => (await rabbitmq.listQueues(name)).reduce((sum, queue) => sum + queue.messages, 0),
    /** Number of unacknowledged messages, according to the broker. */
    unacked: async () => (await rabbitmq.listQueues(name)).reduce((sum, queue) => sum + queue.unacked, 0),

    /** How many times PostgreSQL has logged this text so far. */
    postgresLogged: (text) => postgres.log(Number.POSITIVE_INFINITY).split(text).length - 1,

    /** Kills the broker by SIGKILL. Call `rabbitmq.sync()` first if queues may be less than a second old. */
    async killBroker() {
      await rabbitmq.kill('SIGKILL');
      broker.restarted();
    },

    /**
     * Lets the applications log the rest of their minimum, closes them, waits until all queues are empty, and counts.
     */
    async settle() {
      const running = applications.filter((application) => !terminated.has(application));
      const ends = [];
      for (const application of running) {
        await application.untilLogged(Math.ceil(leastRecords / running.length));
        const end = await application.end();
        ends.push(end);
        faults.push(...faultsOf(end));
      }
      await eventually(async () => (await testbed.messages()) === 0, {
        what: 'every queue is empty',
        withinMs: DRAIN_MS,
        everyMs: 100,
      }).catch((error) => faults.push(error.message));
      faults.push(...(await consumers.stop()));
      await broker.read();

      faults.push(...applications.flatMap((application) => application.diagnostics()).filter(isLoss));
      faults.push(...(await testbed.spooled()).map((file) => `${file} is left in the spool`));
      const refs = [...published, ...applications.flatMap((application) => application.acceptedRefs())];
      const counted = await account(postgres, name, {
        refs,
        doubtful,
        timesAtMost: scenario.atLeastOnce ? Number.POSITIVE_INFINITY : 1,
      });
      if (broker.discarded > 0) faults.push(`the broker discarded ${broker.discarded} messages`);
      return { ...counted, perSecond: rateOf([...terminated.values()], ends) };
    },

    tails: () => [...applications.map((application) => application.follower.tail()), ...consumers.tails()],

    async close() {
      for (const child of applications.flatMap(({ children }) => children)) await child.kill('SIGKILL');
      await consumers.kill();
      for (const child of commands) await child.kill('SIGKILL');
      for (const proxy of proxies) await proxy.stop();
      for (const work of undo) await work().catch(() => {});
      await rabbitmq.deleteVhost(name).catch(() => {});
      await postgres.dropDatabase(name).catch(() => {});
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return testbed;
}

const isLoss = (line) => line.includes('records dropped:');

/** Records per second. Terminated applications have logged one after the other, the others at the same time. */
function rateOf(terminated, others) {
  const logged = [...terminated, ...others].reduce((sum, end) => sum + end.logged, 0);
  const before = terminated.reduce((sum, end) => sum + end.loggingMs, 0);
  const loggingMs = before + Math.max(0, ...others.map((end) => end.loggingMs));
  return logged === 0 ? 0 : Math.floor(logged / (loggingMs / 1000));
}

/**
 * Checks how an application ended by itself, and its own counts: every accepted record was confirmed, none dropped.
 */
function faultsOf({ logged, stats, exits }) {
  const faults = exits
    .filter(({ code }) => code !== 0)
    .map(({ code, signal }) => `the application ended with ${code ?? signal}`);
  if (stats === undefined) return faults;
  const { accepted, adopted, confirmed, pending, spooled, dropped } = stats;
  if (Object.keys(dropped).length > 0) faults.push(`dropped: ${JSON.stringify(dropped)}`);
  if (accepted !== logged || confirmed !== logged + adopted || pending + spooled !== 0) {
    faults.push(`stats() of the application: logged ${logged}, but ${JSON.stringify(stats)}`);
  }
  return faults;
}
