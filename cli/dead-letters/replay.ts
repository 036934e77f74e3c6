/** `loghive dead-letters replay`: publishes dead letters to the queues they came from. */
import type { Administration, DeadLetterFilter } from '../../consumer/store/index.js';
import type { BrokerConfig } from '../../src/config.js';
import { LoghiveError } from '../../src/errors.js';
import { printableLine } from '../../src/printable.js';
import { counted } from '../../src/sentence.js';
import type { Messages } from '../messages.js';
import { openPrinter } from '../output.js';
import { openProgress } from '../progress.js';
import { listenForShutdown } from '../shutdown-signals.js';
import type { OutputFormat } from '../subcommand.js';

/**
 * @throws LoghiveError if publishing failed; the dead letters replayed before are printed.
 * @returns whether all selected dead letters were replayed.
 */
export async function replayLetters(
  { letters }: Administration,
  filter: DeadLetterFilter,
  broker: BrokerConfig,
  output: OutputFormat,
  messages: Messages,
): Promise<boolean> {
  const { letters: count, newest } = await letters.total(filter);
  const printer = openPrinter();
  const { openReplay } = await import('../../consumer/replay.js');
  const replay = openReplay(broker);
  const progress = openProgress('replaying', count, messages);
  const shutdown = listenForShutdown((signal, again) => {
    if (again) process.exit(1);
    messages.report('loghive dead-letters', `${signal}: stopping once the dead letters in flight are confirmed`);
  });
  let interrupted = false;
  try {
    if (newest !== undefined) await replay.connected();
    let after = newest === undefined ? undefined : '0';
    while (after !== undefined && newest !== undefined && !shutdown.requested.aborted) {
      await replay.ready(shutdown.requested);
      if (replay.fault || shutdown.requested.aborted) break;
      const page: { after: string | undefined } = await letters.republish(filter, { after, newest }, (some) =>
        replay.send(some),
      );
      progress.at(replay.sent + keptCount(replay.kept));
      if (replay.fault) break;
      if (!replay.isToRepeat) after = page.after;
    }
    interrupted = shutdown.requested.aborted && after !== undefined;
  } finally {
    progress.end();
    await replay.close();
  }
  const left = count - replay.sent;
  if (output === 'json') {
    const kept = [...replay.kept].map(([reason, some]) => ({ reason, letters: some }));
    await printer.json({ replayed: replay.sent, left, kept });
  } else {
    await printer.line(`${counted(replay.sent, 'dead letter')} replayed.`);
    for (const [reason, some] of replay.kept)
      await printer.line(`${counted(some, 'dead letter')} not replayed: ${printableLine(reason)}.`);
  }
  if (replay.fault)
    throw new LoghiveError(replay.fault.code, `${counted(left, 'dead letter')} not replayed: ${replay.fault.message}`);
  return replay.kept.size === 0 && !interrupted;
}

function keptCount(kept: ReadonlyMap<string, number>): number {
  return [...kept.values()].reduce((sum, some) => sum + some, 0);
}
