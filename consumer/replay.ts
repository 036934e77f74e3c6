/**
 * Publishes dead letters anew. Only what the broker has confirmed counts as sent: the row of a letter is deleted after that,
 * so should the process die at any moment the letter is in the table, in the queue, or in both; with an id its record is
 * stored once.
 *
 * Consumers that want to store a letter of a locked page wait. So each letter is tried once a page; what was not taken is
 * tried again in the next page, after a pause without locks.
 */

import { messageLimit, NOT_FOUND } from '../src/amqp/broker-reply.js';
import type { PublishOutcome } from '../src/amqp/publish-channel.js';
import { ask } from '../src/amqp/throwaway-channel.js';
import { backoffMs, REFUSED } from '../src/backoff.js';
import type { BrokerConfig } from '../src/config.js';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { sleep, within } from '../src/time/time-limit.js';
import { openConnection } from './one-connection.js';
import { isOwnQueue, replayCopy } from './replay-copy.js';
import type { StoredDeadLetter } from './store/index.js';

/** How long a page waits for the broker's answers, in milliseconds: that, and so long for each mebibyte. */
const ANSWER_MS = 2000;
const ANSWER_MS_PER_MIB = 1000;
const MIB = 1024 * 1024;
/** How long a broker may take nothing before no more is tried, in milliseconds. */
const PATIENCE_MS = 10_000;

/** Why letters stay, and how many. */
export type Kept = ReadonlyMap<string, number>;

export interface Replay {
  /** Resolves when it makes sense to send a page. Never rejects; there may be a `fault` afterwards. */
  ready(signal: AbortSignal): Promise<void>;
  /** Resolves to the keys of those that the broker has. Never rejects; there may be a `fault` afterwards. */
  send(letters: readonly StoredDeadLetter[]): Promise<string[]>;
  /** Some of the last page were not taken now: send it again. */
  readonly isToRepeat: boolean;
  /** Why the broker takes no more. */
  readonly fault: LoghiveError | undefined;
  readonly sent: number;
  readonly kept: Kept;
  /**
   * Resolves when messages can be published.
   *
   * @throws LoghiveError LOGHIVE_BROKER_UNREACHABLE, …_REFUSED, …_TLS or …_LOST
   */
  connected(): Promise<void>;
  close(): Promise<void>;
}

export function openReplay(broker: BrokerConfig): Replay {
  const connection = openConnection(broker, 'replay');
  const { publishChannel } = connection;
  const kept = new Map<string, number>();
  /** Whether a queue is there; looked at once. */
  const queues = new Map<string, Promise<boolean>>();
  /** Of the page that is sent again: what cannot be sent at all. */
  const staying = new Set<string>();
  let sent = 0;
  let fault: LoghiveError | undefined;
  let isToRepeat = false;
  /** Some of the last page were not taken. */
  let hasFailed = false;
  /** Pages in a row of which nothing was taken. */
  let failures = 0;
  let failingSinceMs = 0;
  /** A queue that refused. */
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
    // Whoever may write to a queue need not be allowed to look at it: publishing shows whether it is there.
    if (answer.code !== undefined) return true;
    throw new LoghiveError('LOGHIVE_BROKER_LOST', 'the connection to the broker was lost');
  }

  /** Why a letter cannot be sent at all. */
  async function obstacleOf({ queue, raw }: StoredDeadLetter): Promise<string | undefined> {
    if (!isOwnQueue(queue)) return `queue "${queue}" is none that Loghive takes from`;
    if (limit !== undefined && raw.length > limit) return `it is larger than the broker's limit of ${limit} bytes`;
    if (!(await isThere(queue))) return `queue "${queue}" does not exist; start a consumer of its service`;
    return undefined;
  }

  async function publish(letter: StoredDeadLetter): Promise<PublishOutcome> {
    const { frameMax } = await connection.opened();
    return new Promise((resolve) => publishChannel.publish(replayCopy(letter, frameMax), resolve));
  }

  /** Each once; what has no answer when the time is over may arrive, or not. @throws LoghiveError */
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
        staying.add(letter.id);
        return keep(obstacle);
      }
      const outcome = await publish(letter);
      if (isOver) return;
      if (outcome === 'confirmed') return onSent(letter);
      if (outcome === 'returned') queues.set(letter.queue, Promise.resolve(false));
      if (outcome === 'nacked') full = letter.queue;
    };
    const waiting = letters.filter(({ id }) => !staying.has(id));
    // One that the broker ends the channel over must not take the others with it again and again.
    const tries = hasFailed ? inTurn(waiting, one) : Promise.all(waiting.map(one));
    const inTime = await within(ANSWER_MS + (bytes / MIB) * ANSWER_MS_PER_MIB, tries);
    isOver = true;
    if (inTime) await tries;
  }

  /** What is to be done about a page. @throws LoghiveError where the broker takes no more. */
  function judge(letters: readonly StoredDeadLetter[], taken: number): void {
    const left = letters.filter(({ id }) => !staying.has(id)).length - taken;
    hasFailed = left > 0;
    isToRepeat = hasFailed;
    if (!hasFailed) staying.clear();
    if (!hasFailed || taken > 0) {
      failures = 0;
      full = undefined;
      return;
    }
    if (failures++ === 0) failingSinceMs = performance.now();
    if (performance.now() - failingSinceMs < PATIENCE_MS) return;
    const why =
      full === undefined
        ? 'the broker does not confirm what is replayed'
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
        judge(letters, confirmed.length);
      } catch (error) {
        fail(error);
      }
      sent += confirmed.length;
      return confirmed;
    },
    close: () => connection.close(),
  };
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) await work(item);
}
