/** Starts and controls app.mjs. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { followChild } from './follow.mjs';

const PROGRAM = path.join(import.meta.dirname, 'app.mjs');
/** Seven of ten records are `info`. */
const LEVELS = ['error', 'info', 'info', 'debug', 'info', 'info', 'warn', 'info', 'info', 'info'];

/** Buffer size: large enough that no scenario drops a record while the broker is down. */
const BUFFER_BYTES = 64 * 1024 * 1024;

/**
 * @param setup.transport options of LoghiveTransport besides { service, url, bufferBytes }.
 * @param setup.information { each, add }: every `each`-th record has the additional fields `add`.
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
    /** Its latest report. */
    get facts() {
      return follower.latest;
    },
    /** Number of unconfirmed records. */
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
    /** Additionally logs as this service, alternating with the others. */
    alsoAs: (other) => child.send({ service: other }),
    untilConnected: (withinMs = 60_000) =>
      until('the application is connected', (facts) => facts.status?.connection.state === 'ready', withinMs),
    untilPending: (records, withinMs) =>
      until(`${records} records are unconfirmed`, (facts) => (facts.stats?.pending ?? 0) >= records, withinMs),
    untilLogged: (records, withinMs = 120_000) =>
      until(`${records} records are logged`, (facts) => (facts.logged ?? 0) >= records, withinMs),
    /** Closes the logger gracefully. Resolves with its last report and the exit status. */
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
