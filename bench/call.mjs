/**
 * `call-winston`, `call-pino` and `call-console`: the time that a logging call takes in the application's thread while
 * the broker is available, compared with the same logger without Loghive. `call-redact` and `call-redact-headers`:
 * Loghive with the preset that redacts secrets, compared with Loghive without it.
 */
import { CALL, compete } from './compare.mjs';
import { openQueues } from './queues.mjs';
import { OTHER_SERVICE, SERVICE } from './records.mjs';

const FULL = { rounds: 7, records: 50_000 };
const SHORT = { rounds: 3, records: 10_000 };

/** The calls and all deferred work of the same thread. */
const LOOP = { ...CALL, of: ({ records, loopSeconds }) => CALL.of({ records, seconds: loopSeconds }) };
const EXTRA_MEASURES = { loop: LOOP };

/**
 * @param numberOf returns the number of a record; default: `information.n`
 * @param theirService service of the baseline, if it also publishes; otherwise its records cannot be checked
 */
function callBench(name, { worker, theirName, goal, numberOf, theirService }) {
  return {
    name,
    goal,
    measure: CALL,
    extraMeasures: EXTRA_MEASURES,
    theirName,
    async run(environment, { short }, onRound) {
      const { rounds, records } = short ? SHORT : FULL;
      const queues = await openQueues(environment.rabbitmq);
      const { queue } = await queues.declare(SERVICE);
      const theirQueue = theirService && (await queues.declare(theirService)).queue;
      const [ourWorker, theirWorker] = await Promise.all([
        environment.worker(worker, 'loghive'),
        environment.worker(worker, 'baseline'),
      ]);
      const result = await compete(
        {
          measure: CALL,
          extraMeasures: EXTRA_MEASURES,
          rounds,
          warmUps: 2,
          async ours() {
            const times = await ourWorker.round(records);
            return { ...times, ...(await queues.takeAll(queue, records, numberOf)) };
          },
          async theirs() {
            const times = await theirWorker.round(records);
            const taken = theirQueue ? await queues.takeAll(theirQueue, records, numberOf) : { lost: 0, doubled: 0 };
            return { ...times, ...taken };
          },
        },
        onRound,
      );
      await Promise.all([ourWorker.end(), theirWorker.end()]);
      await queues.close();
      return result;
    },
  };
}

export const callWinston = callBench('call-winston', { worker: 'call-winston.mjs', theirName: 'stringify' });
export const callPino = callBench('call-pino', { worker: 'call-pino.mjs', theirName: 'pino/file' });
export const callConsole = callBench('call-console', {
  worker: 'call-console.mjs',
  theirName: 'console',
  numberOf: ({ information }) => information.args?.[1]?.n,
});
export const callRedact = callBench('call-redact', {
  worker: 'call-redact.mjs',
  theirName: 'no redact',
  theirService: OTHER_SERVICE,
});
export const callRedactHeaders = callBench('call-redact-headers', {
  worker: 'call-redact-headers.mjs',
  theirName: 'no redact',
  theirService: OTHER_SERVICE,
});
