/**
 * Truncates a JSON value to a number of bytes: the longest texts are cut to a common length, and if that is not enough,
 * the largest containers. Each cut leaves a mark with the amount that is missing.
 *
 * @module
 */
import { freeName, type Json, type JsonObject, setField } from './json-value.js';
import { cleanText } from './safe-text.js';

/** Texts of up to this many UTF-16 units count as structure: they are only cut together with their container. */
export const LONG_TEXT = 64;
/** The key of the mark in an object with missing fields. */
export const CUT_KEY = '…';

/** Texts are not cut below this many bytes of JSON before containers are. */
const MIN_TEXT_BYTES = 96;
/** Minimum size of each member of a truncated container, including its key, in bytes. */
const MIN_MEMBER_BYTES = 160;
const MAX_KEY_BYTES = 80;
/** Size of the largest mark, `"…":"…[cut 4294967295 more]",`. */
const MARK_BYTES = 40;

const MARK_AT_END = /…\[cut (\d+) characters\]$/;

/** The mark of a cut, e.g. `…[cut 17 characters]`. Characters are UTF-16 units, as in `length`. */
export function cutMark(count: number, what: 'characters' | 'more'): string {
  return `…[cut ${count} ${what}]`;
}

/** Truncates the text to `length` UTF-16 units, excluding the mark, never inside a surrogate pair. */
export function cutToLength(text: string, length: number): string {
  if (text.length <= length) return text;
  const { body, missing } = splitMark(text);
  const end = Math.min(isHighSurrogate(body.charCodeAt(length - 1)) ? length - 1 : length, body.length);
  return body.slice(0, end) + cutMark(body.length - end + missing, 'characters');
}

/**
 * Truncates `root` in place until its JSON has at most `room` bytes of UTF-8, and cleans the texts that `safeCopy` did
 * not clean. First, all texts over a common length are cut to it. If that would leave less than 96 bytes each,
 * containers lose members: a container keeps its small members whole and divides the rest of its bytes evenly, or keeps
 * only its first members if there are too many. The fields of `root` itself stay: `room` must allow 200 bytes for each
 * of them.
 */
export function cutToFit(root: JsonObject, room: number): void {
  const texts = longTexts(root);
  cutByLength(texts, room);
  const total = bytesOf(root);
  if (total <= room) return;
  const sizes = texts.map(({ holder, key }) => bytesOf(holder[key] as string));
  const limit = texts.length > 0 ? commonLimit(sizes, room - (total - sum(sizes))) : 0;
  for (const [at, { holder, key }] of texts.entries()) {
    const max = Math.max(limit, MIN_TEXT_BYTES);
    if ((sizes[at] as number) > max) holder[key] = cutToBytes(holder[key] as string, max, sizes[at]);
  }
  if (limit >= MIN_TEXT_BYTES) return;
  const shrunk = shrinkObject(root, room, new Map());
  for (const key of Object.keys(root)) setField(root, key, shrunk[key] ?? null);
}

interface TextLocation {
  readonly holder: Record<string | number, Json>;
  readonly key: string | number;
}

/** The locations of the texts that may be cut. */
function longTexts(root: JsonObject): TextLocation[] {
  const locations: TextLocation[] = [];
  const pending: TextLocation['holder'][] = [root];
  for (let holder = pending.pop(); holder !== undefined; holder = pending.pop()) {
    const visit = (value: Json, key: string | number): void => {
      if (typeof value === 'string') {
        if (value.length > LONG_TEXT) locations.push({ holder, key });
      } else if (typeof value === 'object' && value !== null) {
        pending.push(value as TextLocation['holder']);
      }
    };
    if (Array.isArray(holder)) holder.forEach(visit);
    else for (const key of Object.keys(holder)) visit(holder[key] as Json, key);
  }
  return locations;
}

/**
 * A first cut by length, which does not process the removed text. A UTF-16 unit takes at least one byte, so the limit
 * in bytes can only be lower.
 */
function cutByLength(texts: readonly TextLocation[], room: number): void {
  const lengths = texts.map(({ holder, key }) => (holder[key] as string).length);
  const limit = Math.max(commonLimit(lengths, room), LONG_TEXT);
  for (const { holder, key } of texts) holder[key] = cleanText(cutToLength(holder[key] as string, limit));
}

/** The highest limit for which the sizes, each reduced to it, sum up to at most `room`; infinite if they fit. */
function commonLimit(sizes: readonly number[], room: number): number {
  if (sum(sizes) <= room) return Number.POSITIVE_INFINITY;
  const rising = Float64Array.from(sizes).sort();
  let left = room;
  for (const [at, size] of rising.entries()) {
    const share = Math.floor(left / (rising.length - at));
    if (size > share) return share;
    left -= size;
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * Truncates the text so that its JSON, including quotes and mark, has at most `bytes` bytes (40 or more). `size` is the
 * current size of its JSON.
 */
function cutToBytes(text: string, bytes: number, size: number = bytesOf(text)): string {
  const { body, missing, markBytes } = splitMark(text);
  const max = bytes - 2 - Buffer.byteLength(cutMark(body.length + missing, 'characters'));
  let left = size - 2 - markBytes;
  let end = body.length;
  while (end > 0 && left > max) {
    const pair = end > 1 && isHighSurrogate(body.charCodeAt(end - 2));
    left -= pair ? 4 : unitBytes(body.charCodeAt(end - 1));
    end -= pair ? 2 : 1;
  }
  return body.slice(0, end) + cutMark(body.length - end + missing, 'characters');
}

/** The JSON size of a UTF-16 unit outside a surrogate pair, escaped if necessary, in bytes. */
function unitBytes(unit: number): number {
  if (unit === 0x22 || unit === 0x5c) return 2;
  if (unit < 0x20) return unit >= 8 && unit <= 13 && unit !== 11 ? 2 : 6;
  if (unit < 0x80) return 1;
  return unit < 0x800 ? 2 : 3;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** Separates an existing mark from the text, so that a repeated cut leaves one mark with the total. */
function splitMark(text: string): { body: string; missing: number; markBytes: number } {
  const mark = MARK_AT_END.exec(text.slice(-40));
  if (mark === null) return { body: text, missing: 0, markBytes: 0 };
  const body = text.slice(0, text.length - mark[0].length);
  return { body, missing: Number(mark[1]), markBytes: Buffer.byteLength(mark[0]) };
}

type SizeCache = Map<object, number>;

function shrink(value: Json, room: number, sizeCache: SizeCache): Json {
  if (measure(value, sizeCache) <= room) return value;
  if (typeof value === 'string') return cutToBytes(value, room);
  if (Array.isArray(value)) return shrinkArray(value, room, sizeCache);
  return typeof value === 'object' && value !== null ? shrinkObject(value, room, sizeCache) : value;
}

function shrinkArray(items: readonly Json[], room: number, sizeCache: SizeCache): Json[] {
  const { kept, max } = shares(
    items.map((item) => measure(item, sizeCache) + 1),
    room - 2,
  );
  const shrunk = items.slice(0, kept).map((item) => shrink(item, max - 1, sizeCache));
  if (kept < items.length) shrunk.push(cutMark(items.length - kept, 'more'));
  return shrunk;
}

function shrinkObject(fields: JsonObject, room: number, sizeCache: SizeCache): JsonObject {
  const keys = Object.keys(fields);
  const sizes = keys.map((key) => bytesOf(key) + 2 + measure(fields[key] as Json, sizeCache));
  const { kept, max } = shares(sizes, room - 2);
  const shrunk: JsonObject = {};
  for (const [at, key] of keys.slice(0, kept).entries()) {
    const tooLong = (sizes[at] as number) > max && bytesOf(key) > MAX_KEY_BYTES;
    const name = freeName(shrunk, tooLong ? cutToBytes(key, MAX_KEY_BYTES) : key, at);
    setField(shrunk, name, shrink(fields[key] as Json, max - 2 - bytesOf(name), sizeCache));
  }
  if (kept < keys.length) setField(shrunk, freeName(shrunk, CUT_KEY, kept), cutMark(keys.length - kept, 'more'));
  return shrunk;
}

/** How many members of a container are kept, and the maximum size of each in bytes. */
function shares(sizes: readonly number[], room: number): { kept: number; max: number } {
  if (sum(sizes.map((size) => Math.min(size, MIN_MEMBER_BYTES))) <= room) {
    return { kept: sizes.length, max: commonLimit(sizes, room) };
  }
  let left = room - MARK_BYTES;
  let kept = 0;
  for (const size of sizes) {
    left -= Math.min(size, MIN_MEMBER_BYTES);
    if (left < 0) break;
    kept += 1;
  }
  return { kept, max: commonLimit(sizes.slice(0, kept), room - MARK_BYTES) };
}

/**
 * The size of a value's JSON in bytes. Sizes of containers are cached, because each is needed again at every level
 * above.
 */
function measure(value: Json, sizeCache: SizeCache): number {
  if (typeof value === 'number') return String(value).length;
  if (typeof value !== 'object' || value === null) return bytesOf(value);
  const known = sizeCache.get(value);
  if (known !== undefined) return known;
  let bytes = 2;
  if (Array.isArray(value)) for (const item of value) bytes += measure(item, sizeCache) + 1;
  else for (const key of Object.keys(value)) bytes += bytesOf(key) + 2 + measure(value[key] as Json, sizeCache);
  sizeCache.set(value, bytes);
  return bytes;
}

function bytesOf(value: Json): number {
  // A removed list item is undefined, which JSON writes as null.
  return Buffer.byteLength(JSON.stringify(value ?? null));
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
