/**
 * `node app.js | loghive pipe --service shop`: every line of the standard input is passed on to the standard output as it
 * is, and becomes a record. Ends when the input has ended and everything is confirmed.
 *
 *   reading ──end of the input──▶ flushing ──all confirmed──▶ done
 *      │                              │
 *      └─ a signal: exitTimeoutMs, ───┴─▶ a second one: nothing is waited for any more
 *         half of it for the input
 */
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { openEnvironment, usable } from '../src/config.js';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { processFields } from '../src/fields/process-fields.js';
import { internalLogger } from '../src/internal-logger.js';
import { LEVEL_NAMES, TIME_NAMES } from '../src/line/field-names.js';
import { createLineReader, type LineFields, readEntrySafely } from '../src/line/read-line.js';
import { readLevel } from '../src/line/written-level.js';
import { openProducer, type Producer } from '../src/producer.js';
import { type ProducerOptions, producerConfig } from '../src/producer-config.js';
import { type Backpressure, createBackpressure } from '../src/publisher/backpressure.js';
import { counted } from '../src/sentence.js';
import { sleep, within } from '../src/time/time-limit.js';
import type { Messages } from './messages.js';
import { openStdout } from './output.js';
import { createLineSplitter } from './pipe/line-splitter.js';
import { logfmtMembers } from './pipe/logfmt.js';
import { createPassthrough } from './pipe/passthrough.js';
import { listenForShutdown, type ShutdownSignals } from './shutdown-signals.js';

const FIELDS: LineFields = {
  level: LEVEL_NAMES,
  message: ['msg', 'message'],
  error: ['err'],
  time: TIME_NAMES,
  readLevel,
};

const LOOK_EVERY_MS = 10;
/** So long nobody needs to know that something is waited for. */
const TELL_AFTER_MS = 2000;

export async function pipe(options: Pick<ProducerOptions, 'service' | 'url'>, messages: Messages): Promise<void> {
  if (options.service === undefined && !openEnvironment()('LOGHIVE_SERVICE')?.text) {
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', 'no service: pass --service shop, or set LOGHIVE_SERVICE.');
  }
  const { hostname } = processFields();
  // The process that logs is another one.
  const config = producerConfig('loghive pipe', { ...options, handleSignals: false }, { hostname });
  usable(config.broker);
  const producer = openProducer(config, new EventEmitter());
  const shutdown = listenForShutdown((signal, again) => {
    internalLogger.info(again ? `${signal} again: stopping at once` : `${signal}: sending what has come`);
  });
  // A file can wait: nobody is held up.
  const limits = isFile(process.stdin.fd) ? { standsStillMs: Number.POSITIVE_INFINITY } : {};
  const backpressure = createBackpressure({ bufferBytes: config.bufferBytes, ...limits });
  // The time that an end may take is for what is still to come, and for sending it.
  const [halfTime, wholeTime] = [1, 2].map((halves) => asked(shutdown, (config.exitTimeoutMs * halves) / 2));
  const input = openInput(producer, backpressure);
  const wasCut = await Promise.race([input.ended.then(() => false), halfTime!.then(() => true)]);
  if (wasCut) input.cut();
  process.stdin.destroy();
  await Promise.race([flushed(producer).then(() => producer.close()), wholeTime]);
  const { pending, dropped } = producer.stats();
  await messages.written();
  // What is left is told by the exit hooks.
  process.exit(wasCut || pending > 0 || Object.keys(dropped).length > 0 ? 1 : 0);
}

interface Input {
  /** Resolves when the input has ended, and its last line is recorded. */
  readonly ended: Promise<void>;
  /** Records what was read and not looked at yet, and says that there was more. */
  cut(): void;
}

function openInput(producer: Producer, backpressure: Backpressure): Input {
  const splitter = createLineSplitter();
  const readLine = createLineReader(() => FIELDS, logfmtMembers);
  const passOn = createPassthrough(openStdout());
  const record = (lines: string[]) => {
    for (const line of lines) if (line.trim() !== '') producer.log(readEntrySafely(readLine, line));
  };
  async function read(): Promise<void> {
    try {
      for await (const bytes of process.stdin as AsyncIterable<Buffer>) {
        record(splitter.push(bytes));
        await passOn(bytes);
        while (backpressure.waits(producer.stats(), performance.now())) await delay(LOOK_EVERY_MS);
      }
    } catch (error) {
      // Destroyed at the end of the waiting; or it can be read no longer, which is its end as well.
      internalLogger.debug(`the standard input ended: ${reasonOf(error)}`);
    }
    record(splitter.end());
  }
  return {
    ended: read(),
    cut() {
      for (let bytes = process.stdin.read(); bytes !== null; bytes = process.stdin.read()) {
        record(splitter.push(bytes as Buffer));
      }
      record(splitter.end());
      internalLogger.warning('the input was cut off by the signal: what had come is recorded, and nothing after it.');
    },
  };
}

/** For as long as the broker is away. That is told: a person may be waiting. */
async function flushed(producer: Producer): Promise<void> {
  const all = producer.flush();
  if (await within(TELL_AFTER_MS, all)) return;
  const { pending } = producer.stats();
  internalLogger.info(
    `the input has ended; ${counted(pending, 'record waits', 'records wait')} for the broker to confirm. A signal (Ctrl-C) ends the waiting.`,
  );
  // The connection alone keeps no process running.
  const alive = setInterval(() => {}, TELL_AFTER_MS);
  await all;
  clearInterval(alive);
}

/** Resolves some time after the first request, at once at the second. */
async function asked(shutdown: ShutdownSignals, graceMs: number): Promise<void> {
  await shutdown.whenRequested;
  await sleep(graceMs, shutdown.forced);
}

function isFile(fd: number): boolean {
  try {
    return fs.fstatSync(fd).isFile();
  } catch {
    return false; // closed
  }
}
