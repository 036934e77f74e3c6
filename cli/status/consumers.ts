/** Asks running consumers over HTTP: their status, and what they have done with each queue. */
import type { ConsumerStatus } from '../../consumer/status.js';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import type { Level } from '../../src/level.js';
import { printableLine } from '../../src/printable.js';
import { shown } from '../../src/settings/option.js';
import { queueName } from '../../src/wire.js';

export interface ConsumerAnswer {
  readonly url: string;
  readonly status: Pick<
    ConsumerStatus,
    'state' | 'health' | 'reasons' | 'workers' | 'inHand' | 'rates' | 'sinceMs' | 'services' | 'counts'
  >;
  readonly done: Done;
}

/** Since the start of a consumer, by queue. */
export interface Done {
  /** Records stored. */
  readonly stored: ReadonlyMap<string, number>;
  /** Messages acknowledged. */
  readonly acknowledged: ReadonlyMap<string, number>;
}

/** A consumer that could not be asked. */
export interface SilentConsumer {
  readonly url: string;
  readonly fault: string;
}

const ANSWER_MS = 3000;
/** More than the status of a thousand services. */
const MAX_BYTES = 16 * 1024 * 1024;

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function consumerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url.origin;
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `status: option --consumer is ${shown(text)}, expected a URL such as http://127.0.0.1:7464.`,
  );
}

/** Never rejects. */
export async function askConsumer(url: string): Promise<ConsumerAnswer | SilentConsumer> {
  try {
    const [status, metrics] = await Promise.all([textAt(`${url}/status`), textAt(`${url}/metrics`)]);
    const parsed = JSON.parse(status) as ConsumerAnswer['status'];
    const isConsumer =
      typeof parsed?.health === 'string' &&
      typeof parsed.rates?.storedPerSecond === 'number' &&
      [parsed.workers, parsed.reasons, parsed.services].every(Array.isArray);
    if (!isConsumer) throw new Error('it is not a consumer');
    return { url, status: parsed, done: doneByQueue(metrics) };
  } catch (error) {
    const { cause } = error as Error;
    return { url, fault: printableLine(reasonOf(cause ?? error)) };
  }
}

async function textAt(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'error' });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const text = await response.text();
  if (text.length > MAX_BYTES) throw new Error('its answer is too long');
  return text;
}

const COUNT =
  /^loghive_(records_stored|messages_acknowledged)_total\{service="((?:[^"\\]|\\.)*)",level="([A-Z]+)"\} (\S+)/gm;

/** From the text of /metrics. Pure. */
export function doneByQueue(metrics: string): Done {
  const stored = new Map<string, number>();
  const acknowledged = new Map<string, number>();
  for (const [, what, service = '', level = '', value] of metrics.matchAll(COUNT)) {
    (what === 'records_stored' ? stored : acknowledged).set(queueName(service, level as Level), Number(value));
  }
  return { stored, acknowledged };
}
