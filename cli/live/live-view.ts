/** Shows records as they are stored: lines for people, or JSON (one object per line) for programs. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { printableJson } from '../../src/printable.js';
import type { StoredRecord } from '../../src/record.js';
import { counted } from '../../src/sentence.js';
import { recordLine } from './record-line.js';

/** Maximum unread output in bytes; further records are skipped until the reader catches up. */
const MAX_BEHIND_BYTES = 1024 * 1024;
/** Number of ids remembered, so that a redelivered record is not shown twice. */
const MAX_REMEMBERED_IDS = 50_000;

export interface LiveViewOptions {
  readonly stream: Writable;
  /** 'quiet' shows nothing. */
  readonly mode: 'lines' | 'json' | 'quiet';
  readonly color: boolean;
}

export class LiveView {
  readonly #stream: Writable;
  readonly #mode: LiveViewOptions['mode'];
  readonly #color: boolean;
  readonly #shown = new Set<string>();
  #skipped = 0;

  constructor({ stream, mode, color }: LiveViewOptions) {
    this.#stream = stream;
    this.#mode = mode;
    this.#color = color;
    stream.on('drain', () => {
      for (const line of this.#skippedLine()) stream.write(`${line}\n`);
    });
  }

  /**
   * Never throws. In JSON mode every record is written, and the promise resolves when the output has drained; in line
   * mode records may be skipped.
   */
  async show(records: readonly StoredRecord[]): Promise<void> {
    if (this.#mode === 'quiet' || !this.#stream.writable) return;
    const fresh = records.filter((record) => this.#isFresh(record.id)).sort(byTime);
    if (this.#mode === 'json') await this.#asJson(fresh);
    else this.#asLines(fresh);
  }

  #isFresh(id: string): boolean {
    if (this.#shown.has(id)) return false;
    this.#shown.add(id);
    if (this.#shown.size > MAX_REMEMBERED_IDS) this.#forgetTheOldest();
    return true;
  }

  #forgetTheOldest(): void {
    const [oldest] = this.#shown;
    if (oldest !== undefined) this.#shown.delete(oldest);
  }

  async #asJson(records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return;
    if (this.#stream.write(records.map(jsonLine).join(''))) return;
    const over = new AbortController();
    const { signal } = over;
    await Promise.race(['drain', 'close', 'error'].map((event) => once(this.#stream, event, { signal }))).catch(
      () => {},
    );
    over.abort();
  }

  #asLines(records: readonly StoredRecord[]): void {
    const lines: string[] = [];
    let behind = this.#stream.writableLength;
    for (const record of records) {
      if (behind > MAX_BEHIND_BYTES) {
        this.#skipped++;
        continue;
      }
      lines.push(...this.#skippedLine());
      const line = recordLine(record, this.#color);
      behind += line.length;
      lines.push(line);
    }
    if (lines.length > 0) this.#stream.write(`${lines.join('\n')}\n`);
  }

  #skippedLine(): string[] {
    if (this.#skipped === 0) return [];
    const records = counted(this.#skipped, 'more record', 'more records');
    const line = `… ${records} stored but not shown: they arrived too fast`;
    this.#skipped = 0;
    return [line];
  }
}

/** A batch is grouped by queue; show records in the order they were logged. */
function byTime(one: StoredRecord, other: StoredRecord): number {
  return one.timestamp < other.timestamp || (one.timestamp === other.timestamp && one.id < other.id) ? -1 : 1;
}

/** The record as JSON on one line, with the columns of the table `records`. */
function jsonLine({ id, service, level, message, information, timestamp }: StoredRecord): string {
  const head = JSON.stringify({ id, service, level, message }).slice(0, -1);
  return `${printableJson(`${head},"information":${information},"ts":${JSON.stringify(timestamp)}}`)}\n`;
}
