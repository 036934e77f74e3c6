/** One question to the broker on a channel of its own: a refusal closes the channel that it happens on. */
import type { Channel } from 'amqplib';
import type { OpenConnection } from './open-connection.js';
import { replyCode, replyText } from './reply.js';

export interface Refusal {
  readonly ok: false;
  /** The AMQP reply code; undefined when the connection went away instead. */
  readonly code: number | undefined;
  readonly text: string;
  /** The broker's words, where it closed the whole connection because of this. */
  readonly connectionText: string | undefined;
  readonly error: unknown;
}

export type Answer = { readonly ok: true } | Refusal;

/**
 * A refusal is an answer; only what amqplib cannot do throws.
 *
 * @param patienceMs when there is no answer for so long the channel is closed, and that counts as a refusal once the broker
 *   has closed it as well: a queue that does not answer may keep it from doing so. Default: waits.
 */
export async function ask(
  connection: OpenConnection,
  question: (channel: Channel) => Promise<unknown>,
  patienceMs?: number,
): Promise<Answer> {
  const channel = await connection.model.createChannel();
  const close = () => channel.close().catch(() => {});
  const timer = patienceMs === undefined ? undefined : setTimeout(close, patienceMs);
  // The same error also rejects the question itself.
  channel.on('error', () => {});
  let connectionError: unknown;
  const note = (error: unknown) => {
    connectionError = error;
  };
  connection.model.on('error', note);
  try {
    await question(channel);
  } catch (error) {
    return {
      ok: false,
      code: replyCode(error),
      text: replyText(error),
      connectionText: connectionError === undefined ? undefined : replyText(connectionError),
      error,
    };
  } finally {
    clearTimeout(timer);
    connection.model.removeListener('error', note);
  }
  // Nobody waits for this channel's end; when the connection is lost meanwhile, the channel has ended as well.
  void close();
  return { ok: true };
}
