/**
 * `stall`: event loop delays of an application that logs at a steady rate while its broker is available, while it
 * reconnects with many buffered records, while the connection is slow, and while the queue rejects messages; for
 * frames, and for one record a message, as Python consumers need it.
 */
import path from 'node:path';
import { startProxy } from '../test/support/proxy.mjs';
import { eventually, sleep } from '../test/support/wait.mjs';
import { median } from './compare.mjs';
import { openQueues } from './queues.mjs';

const SERVICE = 'stall';
const FULL_SERVICE = 'stall-full';
const TYPES = ['quorum', 'python'];
const STATES = ['healthy', 'cut off', 'reconnecting', 'throttled', 'refusing'];
/** A fifth of the application's rate. */
const THROTTLED_BYTES_S = 120_000;
const FULL = { rounds: 5, stateMs: 5000, awayMs: 8000 };
const SHORT = { rounds: 1, stateMs: 2000, awayMs: 3000 };

const DELAY = { unit: 'µs', better: 'less' };
const rows = TYPES.flatMap((type) => STATES.slice(1).map((state) => ({ type, state, label: `${type}, ${state}` })));

export const stall = {
  name: 'stall',
  goal: 1.5,
  measure: DELAY,
  theirName: 'healthy',
  extraMeasures: Object.fromEntries(rows.map(({ label }) => [label, DELAY])),
  async run(environment, { short }, onRound) {
    const sizes = short ? SHORT : FULL;
    const rounds = [];
    let lost = 0;
    for (let round = 0; round < sizes.rounds; round++) {
      const result = {};
      for (const type of TYPES) {
        const { delays, missing } = await run(environment, type, sizes);
        result[type] = delays;
        lost += missing;
      }
      rounds.push(result);
      const worst = TYPES.map((type) => result[type]).sort((a, b) => ratioOf(b) - ratioOf(a))[0];
      onRound({ round, ours: worst.reconnecting.p99, theirs: worst.healthy.p99 });
    }
    const extraMeasures = Object.fromEntries(
      rows.map(({ type, state, label }) => [label, figures(rounds, type, state)]),
    );
    const reconnecting = TYPES.map((type) => extraMeasures[`${type}, reconnecting`]);
    const { ratio, ours, theirs } = reconnecting.sort((a, b) => b.ratio - a.ratio)[0];
    return { ratio, ours, theirs, unit: DELAY.unit, rounds: sizes.rounds, lost, doubled: 0, ...extraMeasures };
  },
};

const ratioOf = ({ reconnecting, healthy }) => reconnecting.p99 / healthy.p99;

/** Medians of the 99th percentiles over the rounds. */
function figures(rounds, type, state) {
  const medianOf = (value) => median(rounds.map((round) => value(round[type])));
  const whole = (value) => Math.round(medianOf(value));
  return {
    ratio: Number(medianOf((delays) => delays[state].p99 / delays.healthy.p99).toFixed(2)),
    ours: whole((delays) => delays[state].p99),
    theirs: whole((delays) => delays.healthy.p99),
    p50: [state, 'healthy'].map((each) => whole((delays) => delays[each].p50)),
    max: [state, 'healthy'].map((each) => whole((delays) => delays[each].max)),
  };
}

/** Runs one application through all states. */
async function run(environment, queueType, { stateMs, awayMs }) {
  const { hostname, port } = new URL(environment.rabbitmq.url);
  const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
  const queues = await openQueues(environment.rabbitmq);
  const { queue } = await queues.declare(SERVICE);
  await queues.declare(FULL_SERVICE, { 'x-max-length': 1 });
  const url = proxy.url(environment.rabbitmq.url);
  const child = environment.run(path.join('workers', 'stall.mjs'), [url, queueType, SERVICE, FULL_SERVICE], {
    stdout: 'ignore',
  });
  await child.waitForMessage(({ ready }) => ready, 30_000);

  async function ask(name, argument) {
    const from = child.messages.length;
    await child.send({ ask: name, argument });
    const { answer } = await child.waitForMessage(() => true, 120_000, { from });
    return answer;
  }
  const caughtUp = () =>
    eventually(async () => (await ask('stats')).waiting < 200 || null, { withinMs: 60_000, everyMs: 100 });
  async function during(work) {
    await ask('measure');
    await work();
    return ask('result');
  }

  const delays = {};
  await caughtUp();
  // Measuring starts after the warm-up, and some time after the connection was opened.
  await sleep(stateMs / 2);
  delays.healthy = await during(() => sleep(stateMs));
  delays['cut off'] = await during(async () => {
    await proxy.refuse();
    await proxy.reset();
    await sleep(500);
  });
  await sleep(awayMs);
  delays.reconnecting = await during(async () => {
    await proxy.heal();
    await caughtUp();
  });
  proxy.throttle(THROTTLED_BYTES_S, { direction: 'up' });
  delays.throttled = await during(() => sleep(stateMs));
  await proxy.heal();
  await caughtUp();
  // On a slow machine the buffer is full at times. Records that are counted as dropped are not lost.
  const { dropped: counts } = await ask('stats');
  const dropped = Object.values(counts.INFO ?? {}).reduce((sum, each) => sum + each, 0);
  await ask('logTo', FULL_SERVICE);
  delays.refusing = await during(() => sleep(stateMs));
  const logged = await ask('end');
  await child.send({ ask: 'quit' });
  await child.exited;
  const { lost } = await queues.takeAll(queue, logged);
  await queues.close();
  await proxy.stop();
  return { delays, missing: Math.max(0, lost - dropped) };
}
