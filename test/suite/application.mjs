/** Starts app.mjs and tells it what to do. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { followChild } from './follow.mjs';

const PROGRAM = path.join(import.meta.dirname, 'app.mjs');
/** Seven of ten are `info`. */
const LEVELS = ['error', 'info', 'info', 'debug', 'info', 'info', 'warn', 'info', 'info', 'info'];

/** Held in memory while the broker is down; no row may drop a record. */
const BUFFER_BYTES = 64 * 1024 * 1024;

/**
 * @param setup.transport options of LoghiveTransport over { service, url, bufferBytes }.
 * @param setup.information { each, add }: every so many records carry these fields besides.
 */
export function startApplication({ name, folder, service, url, perSecond, env, transport = {}, information }) {
  const acceptedFile = path.join(folder, `${name}.accepted`);
  const argument = {
    name,
    acceptedFile,
    perSecond,
    levels: LEVELS,
    information,
    transport: { service, url, bufferBytes: BUFFER_BYTES, ...transport },
  };
  const follower = followChild(PROGRAM, { args: [JSON.stringify(argument)], cwd: folder, env });
  const { child, until } = follower;
  const waiting = (facts, count) => (facts.status?.lanes ?? []).reduce((sum, lane) => sum + count(lane), 0);

  return {
    name,
    follower,
    /** What it reported last. */
    get facts() {
      return follower.latest;
    },
    /** Records that wait for their confirm now. */
    get pending() {
      return follower.latest.stats?.pending ?? 0;
    },
    get disconnects() {
      return follower.latest.events?.disconnect ?? 0;
    },
    get nacks() {
      return waiting(follower.latest, (lane) => lane.nacks);
    },
    get returns() {
      return waiting(follower.latest, (lane) => lane.returns);
    },
    until,
    log: () => child.send('log'),
    pause: () => child.send('pause'),
    levels: (levels) => child.send({ levels: levels ?? LEVELS }),
    information: (every) => child.send({ information: every }),
    /** Logs as this service as well, in turn with the others. */
    alsoAs: (other) => child.send({ service: other }),
    untilConnected: (withinMs = 60_000) =>
      until('the application is connected', (facts) => facts.status?.connection.state === 'ready', withinMs),
    untilPending: (records, withinMs) =>
      until(`${records} records wait for their confirm`, (facts) => (facts.stats?.pending ?? 0) >= records, withinMs),
    untilLogged: (records, withinMs = 120_000) =>
      until(`${records} records are logged`, (facts) => (facts.logged ?? 0) >= records, withinMs),
    /** Ends the logger in order; resolves with its last report and exit. */
    async end() {
      await child.send('end');
      await until('the logger has ended', (facts) => facts.ended === true, 90_000);
      const exit = await follower.ended;
      return { ...follower.latest, exit };
    },
    /** The refs of the records whose logging call has returned. */
    acceptedRefs: () => readFileSync(acceptedFile, 'utf8').split('\n').slice(0, -1),
  };
}
