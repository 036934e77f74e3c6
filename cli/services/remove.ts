/** `loghive services remove NAME`: says what it deletes, asks, and deletes no queue that anything is in or anybody reads. */
import { administeredBroker } from '../../consumer/administration-config.js';
import { obstacleOf, openQueueRemoval, type QueueRemoval } from '../../consumer/queue-removal.js';
import type { Administration } from '../../consumer/store/index.js';
import { LoghiveError } from '../../src/errors.js';
import { counted } from '../../src/sentence.js';
import { nearest } from '../../src/settings/nearest.js';
import { confirmOrThrow } from '../confirmation.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../output.js';
import { listenForShutdown } from '../shutdown-signals.js';

export interface RemoveOptions {
  url?: string;
  deleteQueues?: boolean;
  yes?: boolean;
}

/** @returns false where a queue stays, and the service with it. */
export async function removeService(
  tables: Administration,
  service: string,
  options: RemoveOptions,
  messages: Messages,
): Promise<boolean> {
  if (!options.deleteQueues) return remove(tables, service, options, messages);
  const { broker, queues } = administeredBroker('services remove', options);
  const removal = openQueueRemoval(broker, queues, service);
  try {
    return await remove(tables, service, options, messages, removal);
  } finally {
    await removal.close();
  }
}

async function remove(
  { services }: Administration,
  service: string,
  { yes = false }: RemoveOptions,
  messages: Messages,
  removal?: QueueRemoval,
): Promise<boolean> {
  const known = (await services.all()).map((each) => each.service);
  const isKnown = known.includes(service);
  const found = removal ? await removal.find() : [];
  if (!isKnown && found.length === 0) throw unknown(service, known);
  const printer = openPrinter();
  const busy = found.flatMap((queue) => {
    const why = obstacleOf(queue);
    return why === undefined ? [] : [`queue ${queue.queue} stays: ${why}.`];
  });
  if (busy.length > 0) {
    for (const line of busy) await printer.line(line);
    await printer.line(
      `${service} was not removed. Stop its producers and consumers when its queues are empty, and try again.`,
    );
    return false;
  }
  const what = [
    ...(isKnown ? [`service ${service}`] : []),
    ...(found.length === 0
      ? []
      : [`${counted(found.length, 'empty queue')} (${found.map(({ queue }) => queue).join(', ')})`]),
  ];
  const others = removal ? '' : ' Its queues stay, and so do messages in them, which no consumer without names takes.';
  if (!(await confirmOrThrow('services remove', `Remove ${what.join(' and ')}?${others}`, yes))) {
    await printer.line('nothing was removed.');
    return true;
  }
  // The queues first: a service whose queue is in use after all stays with it.
  const { deleted, kept } = removal
    ? await removal.remove(interruption(messages))
    : { deleted: [], kept: new Map<string, string>() };
  for (const queue of deleted) await printer.line(`deleted queue ${queue}.`);
  for (const [queue, why] of kept) await printer.line(`queue ${queue} stays: ${why}.`);
  if (kept.size > 0) return false;
  if (isKnown && (await services.remove(service))) {
    await printer.line(
      `removed ${service}. Consumers that run without names take its records until they are started anew.`,
    );
  }
  return true;
}

/** From here on queues are unbound: a signal must not leave them so. */
function interruption(messages: Messages): AbortSignal {
  return listenForShutdown((signal, again) => {
    if (again) process.exit(1);
    messages.say('loghive services', `${signal}: binding the queues again that are not deleted yet`);
  }).requested;
}

function unknown(service: string, known: readonly string[]): LoghiveError {
  const near = nearest(service, known);
  const hint = near === undefined ? '"loghive services list" shows those there are' : `did you mean "${near}"?`;
  return new LoghiveError('LOGHIVE_INVALID_OPTION', `services remove: there is no service "${service}"; ${hint}`);
}
