/**
 * Republishes dead letters. The row of a dead letter is deleted only after the broker's confirm. So if the process dies
 * at any moment, the dead letter is in the table, in the queue, or in both; a record with an id is stored once.
 *
 * A consumer that stores a dead letter of a locked page again has to wait. So each dead letter is sent once per page.
 * Those not accepted are retried in the next page, after a pause without locks.
 */

import { messageLimit, NOT_FOUND } from '../src/amqp/broker-reply.js';
import type { PublishOutcome } from '../src/amqp/publish-channel.js';
import { ask } from '../src/amqp/throwaway-channel.js';
import { backoffMs, REFUSED } from '../src/backoff.js';
import type { BrokerConfig } from '../src/config.js';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { sleep, within } from '../src/time/time-limit.js';
import { openCommandConnection } from './command-connection.js';
import { isOwnQueue, replayCopy } from './replay-copy.js';
import type { StoredDeadLetter } from './store/index.js';

/** Timeout for the broker's answers to a page, in milliseconds, plus the time for each mebibyte. */
const ANSWER_MS = 2000;
const ANSWER_MS_PER_MIB = 1000;
const MIB = 1024 * 1024;
/** How long the broker may accept nothing before the replay stops, in milliseconds. */
const STALLED_MS = 10_000;

/** Number of dead letters that were kept, by reason. */
export type KeptLetters = ReadonlyMap<string, number>;

export interface Replay {
  /** Resolves when the next page can be sent. Never rejects; check `fault` afterwards. */
  ready(signal: AbortSignal): Promise<void>;
  /** Resolves to the ids of the confirmed dead letters. Never rejects; check `fault` afterwards. */
  send(letters: readonly StoredDeadLetter[]): Promise<string[]>;
  /** Some dead letters of the last page were not accepted: send the page again. */
  readonly isToRepeat: boolean;
  /** Why the replay cannot continue. */
  readonly fault: LoghiveError | undefined;
  readonly sent: number;
  readonly kept: KeptLetters;
  /**
   * Resolves when messages can be published.
   *
   * @throws LoghiveError LOGHIVE_BROKER_UNREACHABLE, …_REFUSED, …_TLS or …_LOST
   */
  connected(): Promise<void>;
  close(): Promise<void>;
}

export function openReplay(broker: BrokerConfig): Replay {
  const connection = openCommandConnection(broker, 'replay');
  const { publishChannel } = connection;
  const kept = new Map<string, number>();
  /** Whether each queue exists; checked once. */
  const queues = new Map<string, Promise<boolean>>();
  /** Dead letters of the repeated page that can never be sent. */
  const unsendable = new Set<string>();
  let sent = 0;
  let fault: LoghiveError | undefined;
  let isToRepeat = false;
  /** Some dead letters of the last page were not accepted. */
  let hasFailed = false;
  /** Consecutive pages of which nothing was accepted. */
  let failures = 0;
  let failingSinceMs = 0;
  /** A queue that rejected a message. */
  let full: string | undefined;
  let limit: number | undefined;
  publishChannel.events.on('channelClosed', (error) => {
    limit = messageLimit(error.message) ?? limit;
  });

  const keep = (why: string) => {
    kept.set(why, (kept.get(why) ?? 0) + 1);
  };

  function isThere(queue: string): Promise<boolean> {
    const known = queues.get(queue) ?? look(queue);
    queues.set(queue, known);
    return known;
  }

  async function look(queue: string): Promise<boolean> {
    const answer = await ask(await connection.opened(), (channel) => channel.checkQueue(queue));
    if (answer.ok) return true;
    if (answer.code === NOT_FOUND) return false;
    // The user may have permission to write but not to check the queue. Publishing will show whether it exists.
    if (answer.code !== undefined) return true;
    throw new LoghiveError('LOGHIVE_BROKER_LOST', 'the connection to the broker was lost');
  }

  /** Why a dead letter can never be sent. */
  async function obstacleOf({ queue, raw }: StoredDeadLetter): Promise<string | undefined> {
    if (!isOwnQueue(queue)) return `queue "${queue}" is not a queue of Loghive`;
    if (limit !== undefined && raw.length > limit) return `it is larger than the broker's limit of ${limit} bytes`;
    if (!(await isThere(queue))) return `queue "${queue}" does not exist; start a consumer of its service`;
    return undefined;
  }

  async function publish(letter: StoredDeadLetter): Promise<PublishOutcome> {
    const { frameMax } = await connection.opened();
    return new Promise((resolve) => publishChannel.publish(replayCopy(letter, frameMax), resolve));
  }

  /** Sends each dead letter once. One without an answer in time may or may not have arrived. @throws LoghiveError */
  async function sendAll(
    letters: readonly StoredDeadLetter[],
    onSent: (letter: StoredDeadLetter) => void,
  ): Promise<void> {
    const bytes = letters.reduce((sum, { raw }) => sum + raw.length, 0);
    let isOver = false;
    const one = async (letter: StoredDeadLetter) => {
      if (isOver) return;
      const obstacle = await obstacleOf(letter);
      if (isOver) return;
      if (obstacle !== undefined) {
        unsendable.add(letter.id);
        return keep(obstacle);
      }
      const outcome = await publish(letter);
      if (isOver) return;
      if (outcome === 'confirmed') return onSent(letter);
      if (outcome === 'returned') queues.set(letter.queue, Promise.resolve(false));
      if (outcome === 'nacked') full = letter.queue;
    };
    const waiting = letters.filter(({ id }) => !unsendable.has(id));
    // If the broker closes the channel over one of them, the others must not fail with it each time.
    const tries = hasFailed ? oneByOne(waiting, one) : Promise.all(waiting.map(one));
    const inTime = await within(ANSWER_MS + (bytes / MIB) * ANSWER_MS_PER_MIB, tries);
    isOver = true;
    if (inTime) await tries;
  }

  /** Decides whether to repeat the page. @throws LoghiveError if the broker accepts nothing more. */
  function checkProgress(letters: readonly StoredDeadLetter[], accepted: number): void {
    const left = letters.filter(({ id }) => !unsendable.has(id)).length - accepted;
    hasFailed = left > 0;
    isToRepeat = hasFailed;
    if (!hasFailed) unsendable.clear();
    if (!hasFailed || accepted > 0) {
      failures = 0;
      full = undefined;
      return;
    }
    if (failures++ === 0) failingSinceMs = performance.now();
    if (performance.now() - failingSinceMs < STALLED_MS) return;
    const why =
      full === undefined
        ? 'the broker does not confirm replayed messages'
        : `queue "${full}" is full. Start a consumer of it, and replay again`;
    throw new LoghiveError('LOGHIVE_RECORDS_WAIT', why);
  }

  function fail(error: unknown): void {
    fault =
      error instanceof LoghiveError
        ? error
        : new LoghiveError('LOGHIVE_BROKER_LOST', reasonOf(error), { cause: error });
  }

  return {
    get sent() {
      return sent;
    },
    get fault() {
      return fault;
    },
    kept,
    async connected() {
      await connection.opened();
    },
    get isToRepeat() {
      return isToRepeat;
    },
    async ready(signal) {
      if (isToRepeat) await sleep(backoffMs(failures + 1, REFUSED), signal);
      isToRepeat = false;
      await connection.opened().catch(fail);
    },
    async send(letters) {
      const confirmed: string[] = [];
      try {
        await sendAll(letters, ({ id }) => confirmed.push(id));
        checkProgress(letters, confirmed.length);
      } catch (error) {
        fail(error);
      }
      sent += confirmed.length;
      return confirmed;
    },
    close: () => connection.close(),
  };
}

async function oneByOne<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) await work(item);
}
