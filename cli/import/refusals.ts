/** Reports refused records: the first ones by file and line, the others by their number. */
import { counted } from '../../src/sentence.js';
import type { Messages } from '../messages.js';
import type { Place } from './batches.js';

const MAX_SHOWN = 10;

export interface Refusals {
  add(place: Place, reason: string): void;
  /** Says how many were not shown. */
  end(): void;
}

export function createRefusals(messages: Pick<Messages, 'report'>): Refusals {
  let count = 0;
  return {
    add({ file, line }, reason) {
      count += 1;
      if (count <= MAX_SHOWN) messages.report(`loghive import: ${file}:${line}`, `refused: ${reason}`);
    },
    end() {
      const left = count - MAX_SHOWN;
      if (left > 0)
        messages.report('loghive import', `${counted(left, 'more record was', 'more records were')} refused.`);
    },
  };
}
