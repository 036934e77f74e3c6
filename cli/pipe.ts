/**
 * `node app.js | loghive pipe --service shop`: copies stdin to stdout unchanged and records each line. Exits when the
 * input has ended and every record is confirmed.
 *
 *   reading ──end of input──▶ flushing ──all confirmed──▶ done
 *      │                          │
 *      └─ signal: exitTimeoutMs, ─┴─▶ second signal: stop without waiting
 *         half of it for reading
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

const POLL_MS = 10;
/** How long to wait for confirms before reporting it, in milliseconds. */
const REPORT_AFTER_MS = 2000;

export async function pipe(options: Pick<ProducerOptions, 'service' | 'url'>, messages: Messages): Promise<void> {
  if (options.service === undefined && !openEnvironment()('LOGHIVE_SERVICE')?.text) {
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', 'no service name: pass --service, or set LOGHIVE_SERVICE.');
  }
  const { hostname } = processFields();
  // The process that logs is a different one, so its own process fields are not recorded.
  const config = producerConfig('loghive pipe', { ...options, handleSignals: false }, { hostname });
  usable(config.broker);
  const producer = openProducer(config, new EventEmitter());
  const shutdown = listenForShutdown((signal, again) => {
    internalLogger.info(again ? `${signal} again: stopping now` : `${signal}: publishing the records read so far`);
  });
  // A file is never delayed by waiting, so wait without a limit.
  const limits = isFile(process.stdin.fd) ? { stalledMs: Number.POSITIVE_INFINITY } : {};
  const backpressure = createBackpressure({ bufferBytes: config.bufferBytes, ...limits });
  // The exit timeout covers both the remaining input and publishing it.
  const [halfTime, wholeTime] = [1, 2].map((halves) => afterRequest(shutdown, (config.exitTimeoutMs * halves) / 2));
  const input = openInput(producer, backpressure);
  const wasCut = await Promise.race([input.ended.then(() => false), halfTime!.then(() => true)]);
  if (wasCut) input.cut();
  process.stdin.destroy();
  await Promise.race([flushed(producer).then(() => producer.close()), wholeTime]);
  const { pending, spooled, dropped } = producer.stats();
  await messages.flushed();
  // The exit hooks report what else is left.
  process.exit(wasCut || pending + spooled > 0 || Object.keys(dropped).length > 0 ? 1 : 0);
}

interface Input {
  /** Resolves when the input has ended and its last line is recorded. */
  readonly ended: Promise<void>;
  /** Records what has already been read, and logs that the rest was cut off. */
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
        while (backpressure.waits(producer.stats(), performance.now())) await delay(POLL_MS);
      }
    } catch (error) {
      // Stdin was destroyed at shutdown or cannot be read any more; either way the input has ended.
      internalLogger.debug(`reading stdin ended: ${reasonOf(error)}`);
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
      internalLogger.warning('input cut off by the signal: lines read so far are recorded, later lines are not.');
    },
  };
}

/** Waits as long as the broker is unreachable, and reports it, because a user may be waiting. */
async function flushed(producer: Producer): Promise<void> {
  const all = producer.flush();
  if (await within(REPORT_AFTER_MS, all)) return;
  const { pending, spooled } = producer.stats();
  internalLogger.info(
    `end of input; waiting for the broker to confirm ${counted(pending + spooled, 'record')}. Press Ctrl-C to stop waiting.`,
  );
  // The connection alone does not keep the process running.
  const alive = setInterval(() => {}, REPORT_AFTER_MS);
  await all;
  clearInterval(alive);
}

/** Resolves `graceMs` after the first shutdown request, or immediately at the second. */
async function afterRequest(shutdown: ShutdownSignals, graceMs: number): Promise<void> {
  await shutdown.whenRequested;
  await sleep(graceMs, shutdown.forced);
}

function isFile(fd: number): boolean {
  try {
    return fs.fstatSync(fd).isFile();
  } catch {
    return false; // Closed.
  }
}
