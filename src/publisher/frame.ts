/** Records of one lane that travel in one message. Pure. */
import { type Share, takeShares } from './account.js';

export interface Frame {
  /** The place of its first record among those of all lanes. */
  readonly sequence: number;
  /** How far it is from here to where another frame may have its place: 1, or less where it is a part of one. */
  readonly step: number;
  readonly body: Buffer;
  /** What `body` lies in, where that serves again after the confirm. */
  readonly memory: Buffer | undefined;
  readonly records: number;
  /** Whose they are, in their order. */
  readonly shares: readonly Share[];
  /** What the frame counts against `bufferBytes`. */
  readonly bytes: number;
  readonly madeAtS: number;
  /** How often it was published without being confirmed. */
  attempts: number;
}

/** One that was never published. */
export function freshFrame(content: Omit<Frame, 'step' | 'attempts'>): Frame {
  return { ...content, step: 1, attempts: 0 };
}

const LINE_FEED = 0x0a;

/**
 * A frame that is larger than the broker allows, as several: its records in frames of at most `largestBody` bytes; one
 * that is larger by itself stands alone. They share the place of the frame among the others, in its order.
 */
export function split(frame: Frame, largestBody: number): Frame[] {
  const parts = group(frame.body, largestBody);
  const step = frame.step / parts.length;
  const shares = frame.shares.map((share) => ({ ...share }));
  return parts.map(({ body, records }, index) => ({
    sequence: frame.sequence + index * step,
    step,
    body,
    memory: undefined,
    records,
    shares: takeShares(shares, records),
    bytes: body.length + 1,
    madeAtS: frame.madeAtS,
    attempts: frame.attempts,
  }));
}

function group(body: Buffer, largest: number): { body: Buffer; records: number }[] {
  const parts: { body: Buffer; records: number }[] = [];
  let start = 0;
  let end = 0;
  let records = 0;
  for (let at = 0; at <= body.length; at = end + 1) {
    const found = body.indexOf(LINE_FEED, at);
    const lineEnd = found === -1 ? body.length : found;
    if (records > 0 && lineEnd - start > largest) {
      parts.push({ body: body.subarray(start, end), records });
      start = at;
      records = 0;
    }
    end = lineEnd;
    records++;
  }
  parts.push({ body: body.subarray(start, end), records });
  return parts;
}
