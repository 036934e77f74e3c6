/** `loghive services remove NAME`: asks for confirmation; never deletes a queue that has messages or consumers. */
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

/** @returns false if a queue could not be deleted; the service is kept as well. */
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
    return why === undefined ? [] : [`queue ${queue.queue} not deleted: ${why.replace(/\.$/, '')}.`];
  });
  if (busy.length > 0) {
    for (const line of busy) await printer.line(line);
    await printer.line(
      `${service} was not removed. When its queues are empty, stop its producers and consumers, then try again.`,
    );
    return false;
  }
  const what = [
    ...(isKnown ? [`service ${service}`] : []),
    ...(found.length === 0
      ? []
      : [`${counted(found.length, 'empty queue')} (${found.map(({ queue }) => queue).join(', ')})`]),
  ];
  const others = removal
    ? ''
    : ' Its queues and their messages are kept; consumers started without service names will not consume them.';
  if (!(await confirmOrThrow('services remove', `Remove ${what.join(' and ')}?${others}`, yes))) {
    await printer.line('nothing removed.');
    return true;
  }
  // Delete the queues first: if one turns out to be in use, the service is kept.
  const { deleted, kept } = removal
    ? await removal.remove(interruption(messages))
    : { deleted: [], kept: new Map<string, string>() };
  for (const queue of deleted) await printer.line(`deleted queue ${queue}.`);
  for (const [queue, why] of kept) await printer.line(`queue ${queue} not deleted: ${why.replace(/\.$/, '')}.`);
  if (kept.size > 0) return false;
  if (isKnown && (await services.remove(service))) {
    await printer.line(
      `removed ${service}. Running consumers started without service names keep consuming it until they restart.`,
    );
  }
  return true;
}

/** Queues are unbound from here on, and a signal must not leave them unbound. */
function interruption(messages: Messages): AbortSignal {
  return listenForShutdown((signal, again) => {
    if (again) process.exit(1);
    messages.report('loghive services', `${signal}: restoring the bindings of queues that were not deleted`);
  }).requested;
}

function unknown(service: string, known: readonly string[]): LoghiveError {
  const near = nearest(service, known);
  const hint = near === undefined ? 'run "loghive services list" to see all services' : `did you mean "${near}"?`;
  return new LoghiveError('LOGHIVE_INVALID_OPTION', `services remove: there is no service "${service}"; ${hint}`);
}
