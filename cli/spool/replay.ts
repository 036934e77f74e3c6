/** `loghive spool replay`: sends the records of processes that have ended, as the next process of their service would. */
import { EventEmitter } from 'node:events';
import path from 'node:path';
import { administeredBroker } from '../../consumer/administration-config.js';
import { openProducer } from '../../src/producer.js';
import { producerConfig } from '../../src/producer-config.js';
import { folderName } from '../../src/publisher/spool/folder.js';
import { counted } from '../../src/sentence.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../output.js';
import { openProgress } from '../progress.js';
import { filesOf, type SpoolSelection, waiting } from './selection.js';

const PROGRESS_EVERY_MS = 100;
/** As long as the broker is reachable. */
const NO_LIMIT_MS = Number.MAX_SAFE_INTEGER;

/**
 * @returns whether everything that waited for this broker was sent.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION
 */
export async function replaySpool(
  { url, ...options }: SpoolSelection & { url?: string | undefined },
  messages: Messages,
): Promise<boolean> {
  const { broker } = administeredBroker('spool replay', { url });
  const printer = openPrinter();
  const look = async () => {
    const files = await filesOf(options);
    const own = files.filter(({ service, folder }) => path.basename(folder) === folderName(service, broker));
    const inUse = own.filter((file) => file.isInUse).reduce((sum, { records }) => sum + records, 0);
    const free = waiting(own);
    return { own: free, inUse, others: waiting(files).files.length - free.files.length };
  };
  const { own, inUse, others } = await look();
  const progress = openProgress('replaying', own.records, messages);
  let replayed = 0;
  let dropped = 0;
  let left = own;
  // Not all of it may fit into the spool of one process.
  for (let sent = 1; left.files.length > 0 && sent > 0; left = (await look()).own) {
    const before = replayed;
    const services = new Set(left.files.map(({ service }) => service));
    const result = await replayOnce(services, { url, dir: options.dir }, (done) => progress.at(before + done));
    sent = result.confirmed;
    replayed += sent;
    dropped += result.dropped;
  }
  progress.end();
  if (options.output === 'json') {
    await printer.json({ replayed, dropped, left: left.records, inUse, otherBrokers: others });
  } else {
    await printer.line(`${counted(replayed, 'record')} replayed.`);
    if (left.records > 0) await printer.line(`${left.words} left: the broker did not confirm them.`);
    if (dropped > 0) await printer.line(`${counted(dropped, 'record')} dropped, as reported above.`);
    if (inUse > 0) await printer.line(`${counted(inUse, 'record')} in use by a running process, which sends them.`);
    if (others > 0)
      await printer.line(`${counted(others, 'file')} of another broker: pass --url with its host, port and vhost.`);
  }
  return left.records + dropped === 0;
}

/** @returns how many records the broker has confirmed, and how many can never be sent. */
async function replayOnce(
  services: ReadonlySet<string>,
  { url, dir }: { url?: string | undefined; dir: string },
  onConfirmed: (records: number) => void,
): Promise<{ confirmed: number; dropped: number }> {
  const producers = [...services].map((service) => {
    const config = producerConfig('spool replay', {
      service,
      url,
      enabled: true,
      spool: { dir },
      handleSignals: false,
    });
    // The service may have Python consumers, which read no frames.
    return openProducer({ ...config, recordsPerMessage: 1 }, new EventEmitter());
  });
  const [first] = producers;
  const confirmed = () => first?.stats().confirmed ?? 0;
  const showing = setInterval(() => onConfirmed(confirmed()), PROGRESS_EVERY_MS);
  // They share a publisher, which closes with the last one.
  for (const producer of producers) await producer.close({ timeoutMs: NO_LIMIT_MS });
  clearInterval(showing);
  const reasons = Object.values(first?.stats().dropped ?? {}).flatMap((counts) => Object.values(counts));
  return { confirmed: confirmed(), dropped: reasons.reduce((sum, count) => sum + count, 0) };
}
