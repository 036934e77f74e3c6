/** Entry point of a worker thread: runs a `ConsumerWorker` that receives requests and sends reports as messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { internalLogger, sendInternalLinesTo } from '../src/internal-logger.js';
import type { Report, Request, Start } from './thread.js';
import { ConsumerWorker } from './worker.js';

/** Interval between status reports, in milliseconds. */
const STATUS_MS = 1000;

function serve({ config, logLevel }: Start): void {
  const send = (report: Report) => parentPort?.postMessage(report);
  internalLogger.setLevel(logLevel);
  sendInternalLinesTo((_line, entry) => send({ type: 'log', entry }));

  const acknowledgements = new Map<number, () => void>();
  let announcements = 0;
  const worker: ConsumerWorker = new ConsumerWorker(config, {
    onState: () => send({ type: 'state', status: worker.status(), figures: worker.figures() }),
    onConsuming() {
      // Send the status first, so that it is current when the main thread receives `consuming`.
      send({ type: 'status', status: worker.status(), figures: worker.figures() });
      send({ type: 'consuming' });
    },
    onAnnounced(service, acknowledge) {
      acknowledgements.set(++announcements, acknowledge);
      send({ type: 'announced', service, announcement: announcements });
    },
    onAnnouncementsLost() {
      acknowledgements.clear();
      send({ type: 'announcementsLost' });
    },
    onDeadLetters: (letters) => send({ type: 'deadLetters', letters }),
    onStored: (records) => send({ type: 'stored', records }),
  });
  const timer = setInterval(() => {
    send({ type: 'status', status: worker.status(), figures: worker.figures() });
  }, STATUS_MS);

  async function stop(): Promise<void> {
    await worker.stop();
    clearInterval(timer);
    parentPort?.close();
  }

  parentPort?.on('message', (request: Request) => {
    if (request.type === 'connect') worker.connect();
    else if (request.type === 'begin') void worker.begin(request.services);
    else if (request.type === 'add') worker.add(request.service, request.rank);
    else if (request.type === 'announcementStored') acknowledge(request.announcement);
    else void stop();
  });

  function acknowledge(announcement: number): void {
    acknowledgements.get(announcement)?.();
    acknowledgements.delete(announcement);
  }
}

// Does nothing when loaded outside a worker thread.
if ((workerData as Partial<Start> | null)?.config) serve(workerData as Start);
