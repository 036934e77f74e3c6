/**
 * `call-winston`, `call-pino` and `call-console`: what one logging call costs the thread of the application while the
 * broker is there, against the same logger without Loghive. `call-redact` and `call-redact-headers`: with the preset
 * that hides secrets, against Loghive without it.
 */
import { CALL, compete } from './compare.mjs';
import { openQueues } from './queues.mjs';
import { OTHER_SERVICE, SERVICE } from './records.mjs';

const FULL = { rounds: 7, records: 50_000 };
const SHORT = { rounds: 3, records: 10_000 };

/** The calls and all that the same thread does for them later. */
const LOOP = { ...CALL, of: ({ records, loopSeconds }) => CALL.of({ records, seconds: loopSeconds }) };
const BESIDE = { loop: LOOP };

/**
 * @param numberOf gives the number of a record, where it is not `information.n`
 * @param theirService where their side publishes as well; left out, it keeps nothing that could be looked for
 */
function callBench(name, { side, theirName, goal, numberOf, theirService }) {
  return {
    name,
    goal,
    measure: CALL,
    beside: BESIDE,
    theirName,
    async run(environment, { short }, told) {
      const { rounds, records } = short ? SHORT : FULL;
      const queues = await openQueues(environment.rabbitmq);
      const { queue } = await queues.declare(SERVICE);
      const theirQueue = theirService && (await queues.declare(theirService)).queue;
      const [ourSide, theirSide] = await Promise.all([
        environment.worker(side, 'loghive'),
        environment.worker(side, 'yardstick'),
      ]);
      const result = await compete(
        {
          measure: CALL,
          beside: BESIDE,
          rounds,
          warmUps: 2,
          async ours() {
            const times = await ourSide.round(records);
            return { ...times, ...(await queues.takeAll(queue, records, numberOf)) };
          },
          async theirs() {
            const times = await theirSide.round(records);
            const taken = theirQueue ? await queues.takeAll(theirQueue, records, numberOf) : { lost: 0, doubled: 0 };
            return { ...times, ...taken };
          },
        },
        told,
      );
      await Promise.all([ourSide.end(), theirSide.end()]);
      await queues.close();
      return result;
    },
  };
}

export const callWinston = callBench('call-winston', { side: 'call-winston.mjs', theirName: 'stringify' });
export const callPino = callBench('call-pino', { side: 'call-pino.mjs', theirName: 'pino/file' });
export const callConsole = callBench('call-console', {
  side: 'call-console.mjs',
  theirName: 'console',
  numberOf: ({ information }) => information.args?.[1]?.n,
});
export const callRedact = callBench('call-redact', {
  side: 'call-redact.mjs',
  theirName: 'no redact',
  theirService: OTHER_SERVICE,
});
export const callRedactHeaders = callBench('call-redact-headers', {
  side: 'call-redact-headers.mjs',
  theirName: 'no redact',
  theirService: OTHER_SERVICE,
});
