/** Prints records as they arrive. If the output is slow, it skips records and counts them, or it waits. */
import type { Writable } from 'node:stream';
import { isBefore } from '../../query/index.js';
import type { StoredRecord } from '../../src/record.js';
import { counted } from '../../src/sentence.js';
import { whenWritable } from '../output.js';
import type { RecordFormat } from './record-format.js';

/** Maximum unread output in bytes; further records are skipped until the reader catches up. */
const MAX_BEHIND_BYTES = 1024 * 1024;
/** Ids that are remembered at least, so that a redelivered record is not shown twice. */
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
  /** Two generations: to delete the oldest id of one set would scan what was deleted before it. */
  #seen = new Set<string>();
  #seenBefore: ReadonlySet<string> = new Set();
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

  /** Never throws. If it waits for the reader, the promise resolves when the output has drained, or at the signal. */
  async show(records: readonly StoredRecord[], signal?: AbortSignal): Promise<void> {
    if (!this.#stream.writable) return;
    // A batch is grouped by queue. The records are shown in the order in which they were logged.
    const fresh = records
      .filter((record) => this.#isFresh(record.id) && this.#shows(record))
      .sort((one, other) => (isBefore(one, other) ? -1 : 1));
    const text = this.#textOf(fresh);
    if (text === '' || this.#stream.write(text) || this.#whenBehind === 'skip') return;
    await whenWritable(this.#stream, signal);
  }

  #isFresh(id: string): boolean {
    if (this.#seen.has(id) || this.#seenBefore.has(id)) return false;
    if (this.#seen.size >= MAX_REMEMBERED_IDS) {
      this.#seenBefore = this.#seen;
      this.#seen = new Set();
    }
    this.#seen.add(id);
    return true;
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
