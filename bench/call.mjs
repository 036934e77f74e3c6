/**
 * `call-winston`, `call-pino` and `call-console`: the time that a logging call takes in the application's thread while
 * the broker is available, compared with the same logger without Loghive, and with other transports. `call-redact` and
 * `call-redact-headers`: Loghive with the preset that redacts secrets, compared with Loghive without it.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { CALL, compete } from './compare.mjs';
import { openQueues } from './queues.mjs';
import { OTHER_SERVICE, SERVICE } from './records.mjs';

const FULL = { rounds: 7, records: 50_000, peerRecords: 10_000 };
const SHORT = { rounds: 3, records: 10_000, peerRecords: 2000 };

/** The calls and all deferred work of the same thread. */
const LOOP = { ...CALL, of: ({ records, loopSeconds }) => CALL.of({ records, seconds: loopSeconds }) };

/**
 * @param numberOf returns the number of a record; default: `information.n`
 * @param theirService service of the baseline, if it also publishes; otherwise its records cannot be checked
 * @param peers names of other transports that the worker knows. They log to a file, to stdout, or to a stub.
 */
function callBench(name, { worker, theirName, goal, numberOf, theirService, peers = [] }) {
  const ofPeers = peers.flatMap((peer) => [
    [peer, { ...CALL, side: peer, theirName: peer }],
    [`${peer}, loop`, { ...LOOP, side: peer, theirName: peer }],
  ]);
  const extraMeasures = { loop: LOOP, ...Object.fromEntries(ofPeers) };
  return {
    name,
    goal,
    measure: CALL,
    extraMeasures,
    theirName,
    async run(environment, { short }, onRound) {
      const { rounds, records, peerRecords } = short ? SHORT : FULL;
      const queues = await openQueues(environment.rabbitmq);
      const { queue } = await queues.declare(SERVICE);
      const theirQueue = theirService && (await queues.declare(theirService)).queue;
      const [ourWorker, theirWorker] = await Promise.all([
        environment.worker(worker, 'loghive'),
        environment.worker(worker, 'baseline'),
      ]);
      const stub = await startStub();
      const peerWorkers = await Promise.all(peers.map((peer) => environment.worker(worker, peer, stub.url)));
      const runsOfPeers = peers.map((peer, index) => [
        peer,
        async () => ({ ...(await peerWorkers[index].round(peerRecords)), lost: 0, doubled: 0 }),
      ]);
      const result = await compete(
        {
          measure: CALL,
          extraMeasures,
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
          peers: Object.fromEntries(runsOfPeers),
        },
        onRound,
      );
      await Promise.all([ourWorker, theirWorker, ...peerWorkers].map((each) => each.end()));
      await queues.close();
      stub.stop();
      return result;
    },
  };
}

/** The service that a peer sends its records to: accepts every request. */
async function startStub() {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(202).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export const callWinston = callBench('call-winston', {
  worker: 'call-winston.mjs',
  theirName: 'stringify',
  peers: ['winston File', 'winston Console', '@logtail/winston'],
});
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
