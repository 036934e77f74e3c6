/** What every door stands on: values from a logger in, lines for the publisher out. Never throws into the application. */
import type { EventEmitter } from 'node:events';
import { ambientMembers } from './fields/ambient.js';
import { joinMembers, type Member } from './fields/member.js';
import { forwardEvents } from './forward-events.js';
import type { Level } from './level.js';
import type { ProducerConfig } from './producer-config.js';
import { type NotAccepted, noneMissed } from './publisher/drop-counter.js';
import type { FlushOptions } from './publisher/flushes.js';
import { sharePublisher } from './publisher/shared.js';
import type { CloseResult, PublisherStats, PublisherStatus } from './publisher/status.js';
import { pythonForm } from './python-form.js';
import { encodeRecord } from './record.js';
import { createClock } from './time/clock.js';
import { uuidv7 } from './uuid.js';

/** What a door hands over for one call. */
export interface Entry {
  readonly level: Level;
  /** The logger's own name of the level, where it is not one of the five. */
  readonly levelName?: string | undefined;
  readonly message: unknown;
  readonly information: unknown;
  /** When it was logged, epoch microseconds, an integer from 0 on. Left out: now. */
  readonly epochMicros?: number | undefined;
  /** Fields for `information`, each where it has none of that name. */
  readonly more?: readonly Member[];
}

export interface Producer {
  log(entry: Entry): void;
  /** Where a door counts a call at which the stack was full before it could make an entry of it. */
  readonly notAccepted: NotAccepted;
  flush(options?: FlushOptions): Promise<void>;
  close(): Promise<CloseResult>;
  stats(): PublisherStats;
  status(): PublisherStatus;
}

/** One clock for the process: its order is the order of the calls, whichever door they came through. */
const clock = createClock();

/** @param door emits the events of its publisher, to whoever listens there, until it is closed. */
export function openProducer(config: ProducerConfig, door: EventEmitter): Producer {
  return config.enabled ? openEnabled(config, door) : disabled();
}

function openEnabled(config: ProducerConfig, door: EventEmitter): Producer {
  const { publisher, account, release } = sharePublisher(publisherPart(config));
  const stopForwarding = forwardEvents(publisher.events, door);
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
        // encodeRecord makes every value safe, so that it is the application's stack that was full. A call might throw again.
        notAccepted[level]++;
        notAccepted.error = error;
      }
    },
    notAccepted,
    flush: (options) => publisher.awaitFlush(options),
    close: () => release().finally(stopForwarding),
    stats: () => publisher.stats(),
    status: () => publisher.status(),
  };
}

const pythonEncode: typeof encodeRecord = (input, stamp, maxRecordBytes) =>
  pythonForm(encodeRecord(input, stamp, maxRecordBytes), stamp.epochMicros);

/** Doors of different services or record limits still share a publisher. */
function publisherPart(config: ProducerConfig) {
  const { broker, queues, lingerMs, bufferBytes, recordsPerMessage, exitTimeoutMs, handleSignals } = config;
  return Object.freeze({ broker, queues, lingerMs, bufferBytes, recordsPerMessage, exitTimeoutMs, handleSignals });
}

/** `enabled: false`: no thread, no socket, no disk. */
function disabled(): Producer {
  const sinceMs = Date.now();
  return {
    log() {},
    notAccepted: noneMissed(),
    async flush() {},
    close: async () => ({ confirmed: 0, unsent: 0 }),
    stats: () => ({ accepted: 0, confirmed: 0, pending: 0, pendingBytes: 0, dropped: {}, retries: 0 }),
    status: () => ({ connection: { state: 'closed', sinceMs }, lanes: [] }),
  };
}
