/** Shows records as they arrive, without delaying whoever stores them, or without losing any if a program reads. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { StoredRecord } from '../../src/record.js';
import { counted } from '../../src/sentence.js';
import type { RecordFormat } from './record-format.js';

/** Maximum unread output in bytes; further records are skipped until the reader catches up. */
const MAX_BEHIND_BYTES = 1024 * 1024;
/** Number of ids remembered, so that a redelivered record is not shown twice. */
const MAX_REMEMBERED_IDS = 50_000;

export interface LiveViewOptions {
  readonly stream: Writable;
  readonly format: RecordFormat;
  /** What to do if the reader is slow: skip records, and say how many, or wait for it. */
  readonly whenBehind: 'skip' | 'wait';
  /** Which records to show. Default: all. */
  readonly shows?: ((record: StoredRecord) => boolean) | undefined;
}

export class LiveView {
  readonly #stream: Writable;
  readonly #format: RecordFormat;
  readonly #whenBehind: LiveViewOptions['whenBehind'];
  readonly #shows: (record: StoredRecord) => boolean;
  readonly #seen = new Set<string>();
  #skipped = 0;
  #begun = false;

  constructor({ stream, format, whenBehind, shows = () => true }: LiveViewOptions) {
    this.#stream = stream;
    this.#format = format;
    this.#whenBehind = whenBehind;
    this.#shows = shows;
    stream.on('drain', () => {
      const line = this.#skippedLine();
      if (line !== '') stream.write(line);
    });
  }

  /** Counts records that were skipped before they reached the view. */
  skip(count: number): void {
    this.#skipped += count;
  }

  /** Never throws. If it waits for the reader, the promise resolves when the output has drained. */
  async show(records: readonly StoredRecord[]): Promise<void> {
    if (!this.#stream.writable) return;
    const fresh = records.filter((record) => this.#isFresh(record.id) && this.#shows(record)).sort(byTime);
    const text = this.#textOf(fresh);
    if (text === '' || this.#stream.write(text) || this.#whenBehind === 'skip') return;
    const over = new AbortController();
    const { signal } = over;
    await Promise.race(['drain', 'close', 'error'].map((event) => once(this.#stream, event, { signal }))).catch(
      () => {},
    );
    over.abort();
  }

  #isFresh(id: string): boolean {
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    if (this.#seen.size > MAX_REMEMBERED_IDS) this.#forgetTheOldest();
    return true;
  }

  #forgetTheOldest(): void {
    const [oldest] = this.#seen;
    if (oldest !== undefined) this.#seen.delete(oldest);
  }

  #textOf(records: readonly StoredRecord[]): string {
    const parts: string[] = [];
    let behind = this.#stream.writableLength;
    for (const record of records) {
      if (this.#whenBehind === 'skip' && behind > MAX_BEHIND_BYTES) {
        this.#skipped++;
        continue;
      }
      if (!this.#begun) parts.push(this.#format.begin());
      this.#begun = true;
      const text = this.#format.record(record);
      behind += text.length;
      parts.push(this.#skippedLine(), text);
    }
    return parts.join('');
  }

  #skippedLine(): string {
    if (this.#skipped === 0) return '';
    const line = `… ${counted(this.#skipped, 'record')} skipped: the terminal is too slow to show them\n`;
    this.#skipped = 0;
    return line;
  }
}

/** A batch is grouped by queue; show records in the order they were logged. */
function byTime(one: StoredRecord, other: StoredRecord): number {
  return one.timestamp < other.timestamp || (one.timestamp === other.timestamp && one.id < other.id) ? -1 : 1;
}
