/**
 * Active health check of an open connection. Heartbeats detect a dead peer only after two intervals (two minutes with
 * RabbitMQ's defaults); a request that must be answered detects it after the socket timeout.
 */
import type { Channel } from 'amqplib';
import { lostFault } from './connect-fault.js';
import type { OpenConnection } from './open-connection.js';

/** Check interval in milliseconds, the same as in the Python package's monitor. */
const INTERVAL_MS = 5000;

export interface HealthOptions {
  /** How long the peer may be silent before the connection counts as dead, in milliseconds. */
  readonly silenceMs: () => number;
  /** Whether the peer cannot answer now, so that its silence does not count. */
  readonly suspended: () => boolean;
}

/** @returns stops the health check. */
export function watchHealth(connection: OpenConnection, options: HealthOptions): () => void {
  const intervalMs = Math.min(INTERVAL_MS, options.silenceMs() / 2);
  let channel: Channel | undefined;
  let isRequestPending = false;
  let bytesRead = connection.bytesRead();
  let bytesFlushed = connection.bytesFlushed();
  let silentMs = 0;
  let checkedAtMs = performance.now();

  async function sendRequest(): Promise<void> {
    isRequestPending = true;
    try {
      channel ??= await openQuietly(connection);
      // The cheapest AMQP request that every user may send. Nothing is ever consumed on this channel.
      await channel.prefetch(1);
    } catch {
      // The connection is closing; its owner learns that from the connection's own events.
      channel = undefined;
    }
    isRequestPending = false;
  }

  /** Whether there was any traffic since the last check. A slow connection still has some. */
  function hadTraffic(): boolean {
    const before = { bytesRead, bytesFlushed };
    bytesRead = connection.bytesRead();
    bytesFlushed = connection.bytesFlushed();
    if (bytesRead !== before.bytesRead) return true;
    return before.bytesFlushed !== undefined && bytesFlushed !== before.bytesFlushed;
  }

  function check(): void {
    const now = performance.now();
    const sinceMs = now - checkedAtMs;
    checkedAtMs = now;
    if (hadTraffic() || options.suspended()) silentMs = 0;
    // While the application blocked the event loop, nothing could be read: that silence is not the peer's.
    else if (sinceMs < 2 * intervalMs) silentMs += sinceMs;
    if (silentMs >= options.silenceMs()) {
      const seconds = Math.round(silentMs / 1000);
      connection.destroy(lostFault(connection.host, `no response for ${seconds} s`));
    } else if (!isRequestPending && !options.suspended()) {
      void sendRequest();
    }
  }

  const timer = setInterval(check, intervalMs).unref();
  return () => clearInterval(timer);
}

async function openQuietly(connection: OpenConnection): Promise<Channel> {
  const channel = await connection.model.createChannel();
  channel.on('error', () => {});
  return channel;
}
