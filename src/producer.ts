/** The common base of all integrations: encodes what a logger logs and passes it to the publisher. Never throws. */
import type { EventEmitter } from 'node:events';
import { ambientMembers } from './fields/ambient.js';
import { joinMembers, type Member } from './fields/member.js';
import { forwardEvents } from './forward-events.js';
import type { Level } from './level.js';
import type { ProducerConfig } from './producer-config.js';
import { type NotAccepted, noneNotAccepted } from './publisher/drop-counter.js';
import type { CloseOptions, FlushOptions } from './publisher/flushes.js';
import { sharePublisher } from './publisher/shared.js';
import type { CloseResult, PublisherStats, PublisherStatus } from './publisher/status.js';
import { pythonForm } from './python-form.js';
import { encodeRecord } from './record.js';
import { createClock } from './time/clock.js';
import { uuidv7 } from './uuid.js';

/** One logging call, as an integration passes it on. */
export interface Entry {
  readonly level: Level;
  /** The logger's own name of the level, if it is not one of the five. */
  readonly levelName?: string | undefined;
  readonly message: unknown;
  readonly information: unknown;
  /** When it was logged, in epoch microseconds, an integer of at least 0. Default: now. */
  readonly epochMicros?: number | undefined;
  /** Fields for `information`, unless it has fields of the same names. */
  readonly more?: readonly Member[] | undefined;
}

export interface Producer {
  log(entry: Entry): void;
  /** Counts the calls that failed because the call stack was exhausted before there was an entry. */
  readonly notAccepted: NotAccepted;
  flush(options?: FlushOptions): Promise<void>;
  close(options?: CloseOptions): Promise<CloseResult>;
  stats(): PublisherStats;
  status(): PublisherStatus;
}

/** One clock for the process: timestamps are in the order of the calls, whichever integration they came through. */
const clock = createClock();

/** @param integration emits the events of its publisher until it is closed. */
export function openProducer(config: ProducerConfig, integration: EventEmitter): Producer {
  return config.enabled ? openEnabled(config, integration) : disabled();
}

function openEnabled(config: ProducerConfig, integration: EventEmitter): Producer {
  const { publisher, account, release } = sharePublisher(publisherPart(config));
  const stopForwarding = forwardEvents(publisher.events, integration);
  const { service, maxRecordBytes, base, redact } = config;
  const { notAccepted } = publisher;
  publisher.announce(service);
  const encode = config.recordsPerMessage === 1 ? pythonEncode : encodeRecord;

  return {
    log(entry) {
      const { level } = entry;
      try {
        const epochMicros = entry.epochMicros ?? clock();
        const { levelName, message, information } = entry;
        const ambient = ambientMembers(base);
        const more = entry.more ? joinMembers(entry.more, ambient) : ambient;
        const input = { service, level, levelName, message, information, more, redact };
        const line = encode(input, { id: uuidv7(epochMicros), epochMicros }, maxRecordBytes);
        publisher.accept(service, level, line, account);
      } catch (error) {
        // `encodeRecord` makes every value safe, so the application's call stack was exhausted. Another function call
        // could throw again.
        notAccepted[level]++;
        notAccepted.error = error;
      }
    },
    notAccepted,
    flush: (options) => publisher.awaitFlush(options),
    close: ({ timeoutMs } = {}) => release(timeoutMs).finally(stopForwarding),
    stats: () => publisher.stats(),
    status: () => publisher.status(),
  };
}

const pythonEncode: typeof encodeRecord = (input, stamp, maxRecordBytes) =>
  pythonForm(encodeRecord(input, stamp, maxRecordBytes), stamp.epochMicros);

/** Integrations with different services or record limits can share a publisher. */
function publisherPart(config: ProducerConfig) {
  const { broker, queues, lingerMs, bufferBytes, recordsPerMessage } = config;
  const { exitTimeoutMs, handleSignals, spool, onDiagnostic } = config;
  return Object.freeze({
    broker,
    queues,
    lingerMs,
    bufferBytes,
    recordsPerMessage,
    exitTimeoutMs,
    handleSignals,
    spool,
    onDiagnostic,
  });
}

/** `enabled: false`: no thread, no socket, no disk. */
function disabled(): Producer {
  return {
    log() {},
    notAccepted: noneNotAccepted(),
    async flush() {},
    close: async () => ({ confirmed: 0, spooled: 0, unsent: 0 }),
    stats: () => ({
      accepted: 0,
      adopted: 0,
      confirmed: 0,
      pending: 0,
      pendingBytes: 0,
      spooled: 0,
      dropped: {},
      retries: 0,
    }),
    status: () => ({ connection: { state: 'closed' }, lanes: [] }),
  };
}
