/** Records of one lane that travel in one message. Pure. */
export interface Frame {
  readonly sequence: number;
  /** How far it is from here to the place of the next frame: 1, or less where it is a part of one. */
  readonly step: number;
  readonly body: Buffer;
  /** What `body` lies in, where that serves again after the confirm. */
  readonly memory: Buffer | undefined;
  readonly records: number;
  /** What the frame counts against `bufferBytes`. */
  readonly bytes: number;
  readonly madeAtS: number;
  /** How often it was published without being confirmed. */
  attempts: number;
}

const LINE_FEED = 0x0a;

/**
 * A frame that is larger than the broker allows, as several: its records in frames of at most `largestBody` bytes; one
 * that is larger by itself stands alone. They share the place of the frame among the others, in its order.
 */
export function split(frame: Frame, largestBody: number): Frame[] {
  const parts = group(frame.body, largestBody);
  const step = frame.step / parts.length;
  return parts.map(({ body, records }, index) => ({
    sequence: frame.sequence + index * step,
    step,
    body,
    memory: undefined,
    records,
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
