/** Sends one request on a channel of its own, because a refusal closes the channel. */
import type { Channel } from 'amqplib';
import { replyCode, replyText } from './broker-reply.js';
import type { OpenConnection } from './open-connection.js';

export interface Refusal {
  readonly ok: false;
  /** The AMQP reply code; undefined if the connection was lost. */
  readonly code: number | undefined;
  readonly text: string;
  /** The broker's reply text, if it closed the whole connection because of the request. */
  readonly connectionText: string | undefined;
  readonly error: unknown;
}

export type Answer = { readonly ok: true } | Refusal;

/**
 * Resolves with refusals as well. Rejects only if amqplib cannot open the channel.
 *
 * @param timeoutMs closes the channel if there is no answer within this time. That counts as a refusal once the broker
 *   has closed the channel as well, which an unresponsive queue may prevent. Default: no timeout.
 */
export async function ask(
  connection: OpenConnection,
  request: (channel: Channel) => Promise<unknown>,
  timeoutMs?: number,
): Promise<Answer> {
  const channel = await connection.model.createChannel();
  // Fails only if the channel is closed already.
  const close = () => channel.close().catch(() => {});
  const timer = timeoutMs === undefined ? undefined : setTimeout(close, timeoutMs);
  // The same error also rejects `request`.
  channel.on('error', () => {});
  let connectionError: unknown;
  const onConnectionError = (error: unknown) => {
    connectionError = error;
  };
  connection.model.on('error', onConnectionError);
  try {
    await request(channel);
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
    connection.model.removeListener('error', onConnectionError);
  }
  // Not awaited. If the connection is lost meanwhile, the channel is closed as well.
  void close();
  return { ok: true };
}
