/** Shows records as they are stored: lines for people, or one JSON object a line for programs. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { printableJson } from '../../src/printable.js';
import type { StoredRecord } from '../../src/record.js';
import { counted } from '../../src/sentence.js';
import { recordLine } from './record-line.js';

/** A reader of lines that is so far behind, in bytes, sees no more until it has caught up. */
const MAX_BEHIND_BYTES = 1024 * 1024;
/** As many ids are remembered, so that a record that was delivered again is not shown again. */
const MAX_REMEMBERED = 50_000;

export interface LiveViewOptions {
  readonly stream: Writable;
  /** 'quiet' shows nothing. */
  readonly mode: 'lines' | 'json' | 'quiet';
  readonly colour: boolean;
}

export class LiveView {
  readonly #stream: Writable;
  readonly #mode: LiveViewOptions['mode'];
  readonly #colour: boolean;
  readonly #shown = new Set<string>();
  #skipped = 0;

  constructor({ stream, mode, colour }: LiveViewOptions) {
    this.#stream = stream;
    this.#mode = mode;
    this.#colour = colour;
    stream.on('drain', () => {
      for (const line of this.#skippedLine()) stream.write(`${line}\n`);
    });
  }

  /** Never throws. A program that reads JSON gets every record, so this resolves when it has read; people may miss some. */
  async show(records: readonly StoredRecord[]): Promise<void> {
    if (this.#mode === 'quiet' || !this.#stream.writable) return;
    const fresh = records.filter((record) => this.#isFresh(record.id)).sort(byTime);
    if (this.#mode === 'json') await this.#asJson(fresh);
    else this.#asLines(fresh);
  }

  #isFresh(id: string): boolean {
    if (this.#shown.has(id)) return false;
    this.#shown.add(id);
    if (this.#shown.size > MAX_REMEMBERED) this.#forgetTheOldest();
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
      const line = recordLine(record, this.#colour);
      behind += line.length;
      lines.push(line);
    }
    if (lines.length > 0) this.#stream.write(`${lines.join('\n')}\n`);
  }

  #skippedLine(): string[] {
    if (this.#skipped === 0) return [];
    const records = counted(this.#skipped, 'more record is', 'more records are');
    const line = `… ${records} in the table, and came too fast to be shown here`;
    this.#skipped = 0;
    return [line];
  }
}

/** A batch comes queue by queue; people read it in the order of the calls. */
function byTime(one: StoredRecord, other: StoredRecord): number {
  return one.timestamp < other.timestamp || (one.timestamp === other.timestamp && one.id < other.id) ? -1 : 1;
}

/** The record as it is on the wire, but on one line whatever stands in it. */
function jsonLine({ id, service, level, message, information, timestamp }: StoredRecord): string {
  const head = JSON.stringify({ id, service, level, message }).slice(0, -1);
  return `${printableJson(`${head},"information":${information},"timestamp":${JSON.stringify(timestamp)}}`)}\n`;
}
