/** Reports how long the broker has been unreachable, and that it is back. */
import type { PublishChannel } from '../amqp/publish-channel.js';
import { LoghiveError } from '../errors.js';
import { counted } from '../sentence.js';
import { hostAndPort } from '../settings/broker-url.js';
import { type Reporter, warn } from './status.js';

const MINUTE_MS = 60_000;
/** When an outage is reported again, in minutes since it began; after that every 15 minutes. */
const FIRST_MINUTES = [1, 5, 15];
const EVERY_MINUTES = 15;
/** From here on, in minutes, it is logged at ERROR. */
const GRAVE_MINUTES = 5;

/**
 * Logs a reconnect, if the outage was logged before; and repeats the warning while the outage lasts.
 *
 * @param pending number of records that wait.
 * @returns `stop()` ends the reports.
 */
export function reportOutages(channel: PublishChannel, reporter: Reporter, pending: () => number): { stop(): void } {
  const { events, connection } = channel;
  let began: { readonly atMs: number; error: LoghiveError } | undefined;
  let timer: NodeJS.Timeout | undefined;

  function onFailure(error: LoghiveError): void {
    if (began) {
      began.error = error;
      return;
    }
    began = { atMs: performance.now(), error };
    repeatAfter(FIRST_MINUTES[0]!, began.atMs);
  }

  function repeatAfter(minutes: number, atMs: number): void {
    timer = setTimeout(() => repeat(minutes, atMs), atMs + minutes * MINUTE_MS - performance.now()).unref();
  }

  function repeat(minutes: number, atMs: number): void {
    // Closed by Loghive itself, which does not connect again until there is a record to send.
    if (!began || connection.status().state === 'closed') {
      stop();
      return;
    }
    const sentence = outageSentence(minutes, pending(), began.error);
    warn(reporter, new LoghiveError(began.error.code, sentence, { cause: began.error }), minutes >= GRAVE_MINUTES);
    repeatAfter(FIRST_MINUTES.find((next) => next > minutes) ?? minutes + EVERY_MINUTES, atMs);
  }

  function stop(): void {
    clearTimeout(timer);
    began = undefined;
  }

  events.on('lost', onFailure);
  connection.events.on('failed', onFailure);
  events.on('open', ({ host, serverProduct }, isNewConnection) => {
    if (!isNewConnection) return;
    const waiting = pending();
    const sent = waiting === 0 ? '' : `; sending ${counted(waiting, 'waiting record')}`;
    if (began) reporter.log.info(`reconnected to ${serverProduct} (${hostAndPort(host)})${sent}`);
    stop();
  });
  return { stop };
}

function outageSentence(minutes: number, waiting: number, error: LoghiveError): string {
  const records = waiting === 0 ? 'no records wait' : counted(waiting, 'record waits', 'records wait');
  return `no connection to the broker for ${counted(minutes, 'minute')}; ${records}. Last error: ${error.message}`;
}
