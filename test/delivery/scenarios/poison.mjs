import { createHash, randomUUID } from 'node:crypto';
import { recordLine } from '../../suite/raw-publisher.mjs';
import { propertyBytes } from '../../support/amqp/property-bytes.mjs';
import { openWirePublisher } from '../../support/amqp/wire-publisher.mjs';
import { poisons, TRIGGER } from '../poisons.mjs';

const HEAP_MIB = 512;
/** Two services for each queue type. */
const SERVICES = { quorum: ['shop', 'desk'], python: ['till', 'mill'] };
const PER_SECOND = 1300;
const LOGGED_EACH = 12_000;
const STORED_WITHIN_MS = 120_000;
const MIN_POISONS = 60;
const ENDS_BYTES = 300;

export default {
  name: 'poison',
  title: 'messages that are hard on consumers, each between good records of two services, on quorum and Python queues',
  env: { RETRY_DELAYS_MS: '100,200' },
  minEffects: {
    poisons: MIN_POISONS,
    'good records around': 4 * MIN_POISONS,
    'consumers that survived': Object.keys(SERVICES).length,
    'ended as records': 10,
    'ended as dead letters': MIN_POISONS / 2,
  },
  async run(testbed) {
    const consumers = {};
    const applications = [];
    for (const [queueType, services] of Object.entries(SERVICES)) {
      const options = { queueType, writeTimeoutMs: 20_000 };
      const nodeArgs = [`--max-old-space-size=${HEAP_MIB}`];
      consumers[queueType] = testbed.consumers.script({ services, options, nodeArgs });
      await consumers[queueType].ready();
      const [service] = services;
      const application = testbed.application({
        name: queueType,
        service,
        perSecond: PER_SECOND,
        options: { queueType },
      });
      applications.push(application);
      await application.untilConnected();
    }
    await testbed.query(TRIGGER);
    await Promise.all(applications.map((application) => application.log()));
    const logged = Promise.all(
      applications.map(async (application) => {
        await application.untilLogged(LOGGED_EACH);
        await application.pause();
      }),
    );
    // Awaited below, after everything else is published.
    logged.catch(() => {});

    const sent = [];
    const good = [];
    let refused = 0;
    for (const [queueType, services] of Object.entries(SERVICES)) {
      const outcome = await publishAll(testbed.url, queueType, services, testbed.random);
      sent.push(...outcome.sent);
      good.push(...outcome.good);
      refused += outcome.refused;
    }
    await logged;
    testbed.addPublished(good);
    testbed.addDoubtful(sent.map(({ mark }) => mark));
    const isEmpty = async () => (await testbed.messages()) === 0;
    await testbed
      .eventually(isEmpty, { what: 'all queues are empty', withinMs: STORED_WITHIN_MS, everyMs: 200 })
      .catch((error) => testbed.fault(error.message));
    const survived = Object.values(consumers).filter(({ child }) => child.running).length;

    return async () => {
      const ends = await readEnds(testbed, sent);
      const nowhere = ends.filter(({ rows, letters }) => rows + letters === 0);
      if (nowhere.length > 0)
        testbed.fault(`neither record nor dead letter: ${nowhere.map(({ mark }) => mark).join(', ')}`);
      const facts = { poisons: sent.length, 'refused by the broker': refused, 'good records around': good.length };
      for (const [queueType, consumer] of Object.entries(consumers)) {
        const lost = consumer.child.lines.filter((line) => /WARNING connection to .* ended/.test(line));
        if (lost.length > 0)
          testbed.fault(`the consumer of ${queueType} queues lost its connection ${lost.length} times`);
      }
      return {
        ...facts,
        'consumers that survived': survived,
        'ended as records': ends.filter(({ rows }) => rows > 0).length,
        'ended as dead letters': ends.filter(({ letters }) => letters > 0).length,
      };
    };
  },
};

/**
 * Publishes each poison between good records, of the same queue and of another service, with a confirm for each
 * message.
 */
async function publishAll(url, queueType, [service, other], random) {
  const mark = (name) => `poison-${queueType}-${name.replaceAll(/[^\w]+/g, '-')}`;
  const sent = [];
  const good = [];
  let refused = 0;
  let publisher = await openWirePublisher(url);
  const publish = async (to, as, message) => {
    if (publisher.closed) publisher = await openWirePublisher(url);
    return publisher.publish({ exchange: 'logs_exchange', routingKey: `${to}.${as}`, ...message });
  };
  const publishGood = async (to, as) => {
    const ref = `good-${queueType}-${good.length}`;
    const properties = propertyBytes({ contentType: 'application/json', deliveryMode: 2 });
    const line = recordLine({ service: to, ref, as, id: randomUUID(), timestamp: new Date().toISOString() });
    const outcome = await publish(to, as, { properties, body: Buffer.from(line) });
    if (outcome !== 'confirmed') throw new Error(`a good record was not confirmed: ${JSON.stringify(outcome)}`);
    good.push(ref);
  };
  for (const [name, make] of poisons(service, mark)) {
    await publishGood(service, 'info');
    await publishGood(other, 'error');
    const message = make(name);
    const outcome = await publish(service, random() < 0.5 ? 'info' : 'debug', message);
    if (outcome === 'confirmed') sent.push({ mark: mark(name), digest: digestOf(message.body) });
    else refused++;
    await publishGood(service, 'info');
    await publishGood(other, 'error');
  }
  await publisher.close();
  return { sent, good, refused };
}

function digestOf(bytes) {
  return createHash('md5').update(bytes).digest('hex');
}

/** How many rows and dead letters each poison became. Only both ends of large bodies are read. */
async function readEnds(testbed, sent) {
  const rows = await testbed.query(
    `select information->>'ref' as ref from logs.records where information->>'ref' ~ '^poison-'`,
  );
  const letters = await testbed.query(
    `select md5(raw) as digest, substring(raw from 1 for $1::int) as head,
       substring(raw from greatest(octet_length(raw) - $1::int, 1)) as tail from logs.dead_letters`,
    [ENDS_BYTES],
  );
  return sent.map(({ mark, digest }) => ({
    mark,
    rows: rows.filter(({ ref }) => ref === mark).length,
    letters: letters.filter(
      (letter) => letter.digest === digest || letter.head.includes(mark) || letter.tail.includes(mark),
    ).length,
  }));
}
