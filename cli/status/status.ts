/** `loghive status`: queues, consumers, database and spool at a glance, once or again and again. */
import { openEnvironment } from '../../src/config.js';
import { LoghiveError } from '../../src/errors.js';
import { printableJson } from '../../src/printable.js';
import { shown } from '../../src/settings/option.js';
import { sleep } from '../../src/time/time-limit.js';
import { openPrinter, openStdout, supportsEscapes } from '../output.js';
import { onSignals, SIGNALS } from '../shutdown-signals.js';
import type { OutputFormat } from '../subcommand.js';
import { type StatusOptions as Settings, statusSettings } from './settings.js';
import { openStatusSource, type Snapshot } from './snapshot.js';
import { statusLines } from './view.js';

export interface StatusOptions extends Settings {
  /** Seconds between two readings; `true` is the default. */
  readonly watch?: string | true;
  readonly output: OutputFormat;
}

/** Between the two readings of a single status, in milliseconds: rates need both. */
const RATE_MS = 1000;
const DEFAULT_WATCH_S = 2;

/** The cursor to the top left, and nothing below it. */
const CLEAR = '\x1b[H\x1b[2J';

/**
 * @returns whether everything could be read.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION
 */
export async function status(
  services: readonly string[],
  { watch, output, ...options }: StatusOptions,
): Promise<boolean> {
  const pauseMs = watch === undefined ? undefined : watchMs(watch);
  const source = openStatusSource(statusSettings(services, options));
  const stdout = openStdout();
  const printer = openPrinter(stdout);
  const redraws =
    pauseMs !== undefined && output === 'text' && supportsEscapes(process.stdout, openEnvironment()('TERM')?.text);
  const ended = new AbortController();
  const stop = () => {
    // A reading takes a while if servers are away.
    if (ended.signal.aborted) process.exit(1);
    ended.abort();
  };
  if (pauseMs !== undefined) onSignals(SIGNALS, stop);
  const print = (snapshot: Snapshot) => {
    if (output === 'json') return printer.line(printableJson(JSON.stringify(snapshot, replacer)));
    return printer.line(
      `${redraws ? CLEAR : ''}${statusLines(snapshot).join('\n')}${pauseMs === undefined || redraws ? '' : '\n'}`,
    );
  };
  try {
    let snapshot = await source.read();
    if (pauseMs === undefined) {
      await sleep(RATE_MS, ended.signal);
      snapshot = await source.read();
      await print(snapshot);
    } else {
      while ((await print(snapshot)) && !ended.signal.aborted) {
        await sleep(pauseMs, ended.signal);
        if (ended.signal.aborted) break;
        snapshot = await source.read();
      }
    }
    return isComplete(snapshot);
  } finally {
    await source.close();
  }
}

/** The counts by queue have served their purpose, and are in the rates. */
function replacer(name: string, value: unknown): unknown {
  return name === 'done' ? undefined : value;
}

function isComplete({ queues, database, spool }: Snapshot): boolean {
  return [queues, database, spool].every((part) => part === undefined || !('fault' in part));
}

function watchMs(text: string | true): number {
  if (text === true) return DEFAULT_WATCH_S * 1000;
  const seconds = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && seconds >= 0.5 && seconds <= 3600) return seconds * 1000;
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `status: option --watch is ${shown(text)}, expected a number of seconds from 0.5 to 3600.`,
  );
}
