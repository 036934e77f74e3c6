/**
 * Publishes records as the Python package does: five fields, no id, a local time without an offset, and the time of
 * publishing as the AMQP timestamp. Its publisher confirms decide what is accepted, so that a record that the broker
 * did not confirm is published again on the next connection.
 */
import amqplib from 'amqplib';

const EXCHANGE = 'logs_exchange';
const RECONNECT_MS = 100;

/** Python's name of a level; Winston's `warn` is its `WARNING`. */
const pythonLevel = (level) => (level === 'warn' ? 'warning' : level);

export function openPythonPackage({ url, service }) {
  /** Not confirmed yet, in the order of the calls. */
  const unconfirmed = new Set();
  const now = pythonClock();
  let connection;
  let channel;
  let state = 'open';

  function publish(message) {
    const { level, body, done } = message;
    const options = { contentType: 'application/json', deliveryMode: 2, timestamp: Math.floor(Date.now() / 1000) };
    channel.publish(EXCHANGE, `${service}.${level}`, body, options, (error) => {
      // With an error, it stays for the next connection.
      if (!error && unconfirmed.delete(message)) done();
    });
  }

  async function connect() {
    while (state === 'open') {
      try {
        connection = await amqplib.connect(url);
        connection.on('error', () => {});
        connection.once('close', () => {
          // Without a channel, opening it fails, and the loop connects again.
          if (!channel) return;
          channel = undefined;
          void connect();
        });
        channel = await connection.createConfirmChannel();
        channel.on('error', () => {});
        for (const message of unconfirmed) publish(message);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      }
    }
  }
  const connected = connect();

  return {
    log(level, message, information, done) {
      const name = pythonLevel(level);
      const record = { service, level: name.toUpperCase(), message, information, timestamp: now() };
      const own = { level: name, body: Buffer.from(JSON.stringify(record)), done };
      unconfirmed.add(own);
      if (channel) publish(own);
    },
    async close() {
      await connected;
      while (unconfirmed.size > 0) await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      state = 'closed';
      await connection.close();
    },
  };
}

/** `str(datetime.now())`: local time to the microsecond, each later than the one before. */
function pythonClock() {
  const startMicros = Math.round(performance.timeOrigin * 1000);
  let last = 0;
  return () => {
    last = Math.max(last + 1, startMicros + Math.round(performance.now() * 1000));
    const ms = Math.floor(last / 1000);
    const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString();
    return `${local.slice(0, 10)} ${local.slice(11, 23)}${String(last % 1000).padStart(3, '0')}`;
  };
}
