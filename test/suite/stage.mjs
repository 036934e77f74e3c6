/** What a row plays on: a vhost, a database, an application, consumers, and the end where everything is counted. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startChild } from '../support/child.mjs';
import { startProxy } from '../support/proxy.mjs';
import { eventually, sleep } from '../support/wait.mjs';
import { account } from './account.mjs';
import { startApplication } from './application.mjs';
import { createBrokerCounters } from './broker-counters.mjs';
import { COMMAND, createConsumers } from './consumers.mjs';

/** Above the least of the delivery suite, so that a moment in which the machine is busy does not fail a row. */
const PER_SECOND = 3000;
const SERVICE = 'shop';
const DRAIN_MS = 60_000;

/**
 * @param row see run-suite.mjs.
 * @param setup.size of the row now.
 * @param setup.leastRecords that the applications log, all together.
 */
export async function openStage(row, { rabbitmq, postgres, random, size, leastRecords }) {
  const name = row.name.replaceAll('-', '_');
  const folder = await mkdtemp(path.join(tmpdir(), `loghive-${row.name}-`));
  const url = await rabbitmq.addVhost(name);
  const databaseUrl = await postgres.createDatabase(name);
  const env = row.env ?? {};
  const broker = createBrokerCounters(rabbitmq, name);
  await broker.begin();
  const consumers = createConsumers({
    folder,
    services: [SERVICE],
    url,
    databaseUrl: row.databaseUrl ? await row.databaseUrl({ postgres, database: name }) : databaseUrl,
    env,
    usualOptions: row.consumer ?? {},
  });
  const applications = [];
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

  const stage = {
    service: SERVICE,
    size,
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

    /** An application that is connected, or begins to be, and does not log yet. */
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

    /** The command `loghive`, whatever it is to do. */
    loghive(args) {
      const child = startChild(COMMAND, { args, cwd: folder, env });
      commands.push(child);
      return child;
    },

    proxyToBroker: () => openProxy(rabbitmq),
    proxyToPostgres: () => openProxy(postgres),

    /** A consumer that takes messages, and an application that logs; both can have options of their own. */
    async begin({ consumer: consumerSetup, ...options } = {}) {
      const consumer = consumers.script(consumerSetup);
      const application = stage.application(options);
      await Promise.all([consumer.ready(), application.untilConnected()]);
      await application.log();
      return { consumer, application };
    },

    /** An application alone that logs. */
    async logging(options) {
      const application = stage.application(options);
      await application.untilConnected();
      await application.log();
      return application;
    },

    /** Something that must not be, seen by the row itself. */
    fault: (sentence) => faults.push(sentence),
    faults,

    /** Ends a fault of the whole server, however the row ends. */
    afterwards: (work) => undo.unshift(work),

    /** Good records that were accepted elsewhere: by a broker's confirm. */
    addPublished(refs) {
      // One by one: there may be more than a call takes arguments.
      for (const ref of refs) published.push(ref);
    },
    /** Records that may become a row or a dead letter, by their refs. */
    addDoubtful: (refs) => doubtful.push(...refs),

    queues: () => rabbitmq.listQueues(name),
    /** Messages in all queues, taken or not. */
    messages: async () => (await rabbitmq.listQueues(name)).reduce((sum, queue) => sum + queue.messages, 0),
    /** Messages that a consumer has in hand now, as the broker counts them. */
    unacked: async () => (await rabbitmq.listQueues(name)).reduce((sum, queue) => sum + queue.unacked, 0),

    /** How often PostgreSQL has written this into its log so far. */
    postgresLogged: (text) => postgres.log(Number.POSITIVE_INFINITY).split(text).length - 1,

    /** By SIGKILL. Call `rabbitmq.sync()` before, where queues may be less than a second old. */
    async killBroker() {
      await rabbitmq.kill('SIGKILL');
      broker.restarted();
    },

    /** Lets the applications log what is left of their least, ends them, waits until all queues are empty, and counts. */
    async settle() {
      const ends = [];
      for (const application of applications) {
        await application.untilLogged(Math.ceil(leastRecords / applications.length));
        ends.push(await application.end());
      }
      await eventually(async () => (await stage.messages()) === 0, {
        what: 'every queue is empty',
        withinMs: DRAIN_MS,
        everyMs: 100,
      }).catch((error) => faults.push(error.message));
      faults.push(...(await consumers.stop()));
      await broker.read();

      for (const end of ends) faults.push(...faultsOf(end));
      const refs = [...published, ...applications.flatMap((application) => application.acceptedRefs())];
      const counted = await account(postgres, name, refs, doubtful);
      if (broker.discarded > 0) faults.push(`the broker threw ${broker.discarded} messages away`);
      const logged = ends.reduce((sum, end) => sum + end.logged, 0);
      const loggingMs = Math.max(...ends.map((end) => end.loggingMs));
      return {
        ...counted,
        perSecond: ends.length === 0 ? 0 : Math.floor(logged / (loggingMs / 1000)),
      };
    },

    tails: () => [...applications.map((application) => application.follower.tail()), ...consumers.tails()],

    async close() {
      for (const { follower } of applications) await follower.child.kill('SIGKILL');
      await consumers.kill();
      for (const child of commands) await child.kill('SIGKILL');
      for (const proxy of proxies) await proxy.stop();
      for (const work of undo) await work().catch(() => {});
      await rabbitmq.deleteVhost(name).catch(() => {});
      await postgres.dropDatabase(name).catch(() => {});
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return stage;
}

/** The application's own account: everything that was accepted was confirmed, nothing dropped, and it ended well. */
function faultsOf({ logged, stats, exit }) {
  const { accepted, confirmed, pending, dropped } = stats;
  const faults = [];
  if (Object.keys(dropped).length > 0) faults.push(`dropped: ${JSON.stringify(dropped)}`);
  if (accepted !== logged || confirmed !== logged || pending !== 0) {
    faults.push(`stats() of the application: logged ${logged}, but ${JSON.stringify(stats)}`);
  }
  if (exit.code !== 0) faults.push(`the application ended with ${exit.code ?? exit.signal}`);
  return faults;
}
