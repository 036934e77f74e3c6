/**
 * UUIDv7 (RFC 9562): created from a time in microseconds, and parsed back to it.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { LAST_SECOND, type Timestamp } from './time/timestamp.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const VERSION_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

const VARIANT = '89ab';
const THREE_HEX = Array.from({ length: 4096 }, (_, n) => n.toString(16).padStart(3, '0'));

// Random bytes are fetched in pools: a system call for each id would cost more than everything else.
const HEX_PER_ID = 16;
const pool = Buffer.alloc(8192);
let poolHex = '';
let poolAt = 0;
let lastMs = -1;
let lastPrefix = '';

/**
 * Creates a UUIDv7 in lower case. `epochMicros` (a safe integer, 0 or later: until the year 2255) fills the 48-bit
 * millisecond field and, as its fraction scaled to 12 bits, `rand_a` (RFC 9562 section 6.2, method 3), so ids sort by
 * microsecond. 62 bits are random.
 */
export function uuidv7(epochMicros: number): string {
  const ms = Math.floor(epochMicros / 1000);
  return make(ms, epochMicros - ms * 1000);
}

/** Like `uuidv7`, for a timestamp of 1970 or later, including those whose epoch microseconds exceed a safe integer. */
export function uuidv7At({ seconds, micros }: Timestamp): string {
  const ms = Math.floor(micros / 1000);
  return make(seconds * 1000 + ms, micros - ms * 1000);
}

function make(ms: number, micros: number): string {
  if (ms !== lastMs) {
    const hex = ms.toString(16).padStart(12, '0');
    lastPrefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    lastMs = ms;
  }
  if (poolAt === poolHex.length) {
    poolHex = randomFillSync(pool).toString('hex');
    poolAt = 0;
  }
  const at = poolAt;
  poolAt = at + HEX_PER_ID;
  // Rounded up, so that rounding down when parsing returns the same microsecond.
  const fraction = THREE_HEX[Math.ceil(micros * 4.096)];
  const variant = VARIANT[poolHex.charCodeAt(at) & 3];
  return `${lastPrefix}${fraction}-${variant}${poolHex.substring(at + 1, at + 4)}-${poolHex.substring(at + 4, at + 16)}`;
}

/**
 * The time of a UUIDv7: exact to the microsecond if `rand_a` contains a fraction (as in ours), otherwise within its
 * millisecond. Undefined for any other text, and for times after the year 9999.
 */
export function uuidv7Timestamp(id: string): Timestamp | undefined {
  if (!VERSION_7.test(id)) return undefined;
  const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  const seconds = Math.floor(ms / 1000);
  if (seconds > LAST_SECOND) return undefined;
  const fraction = Number.parseInt(id.slice(15, 18), 16);
  return { seconds, micros: (ms - seconds * 1000) * 1000 + Math.floor((fraction * 1000) / 4096) };
}

/** Whether the value is a UUID string of any version, in either case. */
export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && text.length === 36 && UUID.test(text);
}
