/** Starts and controls app.mjs, and for the integration `pipe` also the command that reads its output. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { startChild } from '../support/child.mjs';
import { COMMAND } from './consumers.mjs';
import { followChild } from './follow.mjs';

const PROGRAM = path.join(import.meta.dirname, 'app.mjs');
/** Seven of ten records are `info`. */
const LEVELS = ['error', 'info', 'info', 'debug', 'info', 'info', 'warn', 'info', 'info', 'info'];

/** Less than what is logged in a few seconds: while the broker does not take records, most of them are on disk. */
const BUFFER_BYTES = 1024 * 1024;

/**
 * @param setup.integration one of integrations.mjs. Default: 'winston'.
 * @param setup.options options of the integration besides { service, url, bufferBytes }.
 * @param setup.information { each, add }: every `each`-th record has the additional fields `add`.
 */
export function startApplication({ name, integration = 'winston', folder, service, url, env, options, ...setup }) {
  const fileOf = (what) => path.join(folder, `${name}.${what}`);
  const argument = {
    ...setup,
    name,
    integration,
    acceptedFile: fileOf('accepted'),
    calledFile: fileOf('called'),
    levels: LEVELS,
    options: { service, url, bufferBytes: BUFFER_BYTES, ...options },
  };
  const start = (stdout) => followChild(PROGRAM, { args: [JSON.stringify(argument)], cwd: folder, env, stdout });
  const piped = integration === 'pipe' ? startPiped(start, { fifo: fileOf('fifo'), folder, service, url, env }) : {};
  const follower = piped.follower ?? start();
  const { child, until } = follower;
  /** All processes of the application. */
  const children = [child, ...(piped.command ? [piped.command] : [])];
  const waiting = (facts, count) => (facts.status?.lanes ?? []).reduce((sum, lane) => sum + count(lane), 0);
  const pendingIn = ({ stats }) => (stats ? stats.pending + stats.spooled : 0);
  const refsIn = (what) => readFileSync(fileOf(what), 'utf8').split('\n').slice(0, -1);

  return {
    name,
    follower,
    children,
    /** Its latest report. */
    get facts() {
      return follower.latest;
    },
    /** Number of unconfirmed records, in memory and on disk. */
    get pending() {
      return pendingIn(follower.latest);
    },
    /** Number of those that are only on disk. */
    get onDisk() {
      return follower.latest.stats?.spooled ?? 0;
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
      until(`${records} records are unconfirmed`, (facts) => pendingIn(facts) >= records, withinMs),
    untilLogged: (records, withinMs = 120_000) =>
      until(`${records} records are logged`, (facts) => (facts.logged ?? 0) >= records, withinMs),
    /** Closes the logger gracefully. Resolves with its last report and how each process ended. */
    async end() {
      await child.send('end');
      await until('the logger has ended', (facts) => facts.ended === true, 90_000);
      const exits = await Promise.all([follower.ended, piped.command?.exited]);
      return { ...follower.latest, exits: exits.filter(Boolean) };
    },
    /** Ends the application by SIGTERM while it logs. Resolves with its last report and how each process ended. */
    async terminate() {
      const exits = await Promise.all(children.map((each) => each.kill('SIGTERM')));
      await follower.ended;
      return { ...follower.latest, exits };
    },
    /** What Loghive has logged. */
    diagnostics: () => children.flatMap(({ stderr }) => stderr).filter((line) => line.includes('[loghive]')),
    /** The refs of the accepted records. */
    acceptedRefs: () => refsIn('accepted'),
    /** The refs of records that may have been accepted when a signal ended the application. */
    doubtfulRefs() {
      const accepted = new Set(refsIn('accepted'));
      return refsIn('called').filter((ref) => !accepted.has(ref));
    },
  };
}

/** `node app.mjs | loghive pipe`, connected as a shell does it: without this process in between. */
function startPiped(start, { fifo, folder, service, url, env }) {
  execFileSync('mkfifo', [fifo]);
  // For reading and writing, because opening one end alone would wait for the other.
  const ends = ['r+', 'r', 'w'].map((flags) => openSync(fifo, flags));
  const [, input, output] = ends;
  try {
    const args = ['pipe', '--service', service, '--url', url];
    const command = startChild(COMMAND, { args, cwd: folder, env, stdin: input, stdout: 'ignore' });
    return { command, follower: start(output) };
  } finally {
    for (const end of ends) closeSync(end);
  }
}
