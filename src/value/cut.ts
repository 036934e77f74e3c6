/**
 * Makes a JSON value fit a number of bytes: the longest texts are cut evenly, and where that is not enough the largest
 * containers; each cut leaves a mark that says how much is missing.
 *
 * @module
 */
import { freeName, type Json, type JsonObject, setField } from './json-value.js';
import { cleanText } from './safe-text.js';

/** Texts of up to this many UTF-16 units are structure: they are cut only together with their container. */
export const LONG_TEXT = 64;
/** The key under which an object says how many of its fields are missing. */
export const CUT_KEY = '…';

/** No text is cut below this many bytes of JSON before containers are. */
const LEAST_TEXT_BYTES = 96;
/** What each member of a container that is cut may keep at least, its key included. */
const LEAST_MEMBER_BYTES = 160;
const MOST_KEY_BYTES = 80;
/** Room for `"…":"…[cut 4294967295 more]",` */
const MARK_BYTES = 40;

const MARK_AT_END = /…\[cut (\d+) characters\]$/;

/** `…[cut 17 characters]`: what a cut leaves behind. Characters are UTF-16 units, as in `length`. */
export function cutMark(count: number, what: 'characters' | 'more'): string {
  return `…[cut ${count} ${what}]`;
}

/** The text cut to so many UTF-16 units, its mark not counted, never inside a surrogate pair. */
export function cutToLength(text: string, length: number): string {
  if (text.length <= length) return text;
  const { body, missing } = splitMark(text);
  const end = Math.min(isHighSurrogate(body.charCodeAt(length - 1)) ? length - 1 : length, body.length);
  return body.slice(0, end) + cutMark(body.length - end + missing, 'characters');
}

/**
 * Cuts `root` in place until its JSON has at most `room` bytes of UTF-8, and cleans the texts that `safeCopy` left as
 * they were. First all texts over one common length are cut to it; where 96 bytes each would still be too much,
 * containers give up members: each keeps its small ones whole and shares the rest out evenly, or keeps its first ones
 * where there are too many. The fields of `root` itself stay: `room` must give each of them 200 bytes.
 */
export function cutToFit(root: JsonObject, room: number): void {
  const texts = longTexts(root);
  cutByLength(texts, room);
  const total = bytesOf(root);
  if (total <= room) return;
  const sizes = texts.map(({ holder, key }) => bytesOf(holder[key] as string));
  const level = texts.length > 0 ? waterLevel(sizes, room - (total - sum(sizes))) : 0;
  for (const [at, { holder, key }] of texts.entries()) {
    const most = Math.max(level, LEAST_TEXT_BYTES);
    if ((sizes[at] as number) > most) holder[key] = cutToBytes(holder[key] as string, most, sizes[at]);
  }
  if (level >= LEAST_TEXT_BYTES) return;
  const shrunk = shrinkObject(root, room, new Map());
  for (const key of Object.keys(root)) setField(root, key, shrunk[key] ?? null);
}

interface Place {
  readonly holder: Record<string | number, Json>;
  readonly key: string | number;
}

/** Where the texts are that may be cut by themselves. */
function longTexts(root: JsonObject): Place[] {
  const places: Place[] = [];
  const waiting: Place['holder'][] = [root];
  for (let holder = waiting.pop(); holder !== undefined; holder = waiting.pop()) {
    const visit = (value: Json, key: string | number): void => {
      if (typeof value === 'string') {
        if (value.length > LONG_TEXT) places.push({ holder, key });
      } else if (typeof value === 'object' && value !== null) {
        waiting.push(value as Place['holder']);
      }
    };
    if (Array.isArray(holder)) holder.forEach(visit);
    else for (const key of Object.keys(holder)) visit(holder[key] as Json, key);
  }
  return places;
}

/**
 * A first cut by length, which costs nothing for what is thrown away: a UTF-16 unit takes a byte or more, so that the
 * level in bytes can only be lower.
 */
function cutByLength(texts: readonly Place[], room: number): void {
  const lengths = texts.map(({ holder, key }) => (holder[key] as string).length);
  const level = Math.max(waterLevel(lengths, room), LONG_TEXT);
  for (const { holder, key } of texts) holder[key] = cleanText(cutToLength(holder[key] as string, level));
}

/** The highest level at which the sizes, each cut down to it, sum up to at most `room`; infinite where they just fit. */
function waterLevel(sizes: readonly number[], room: number): number {
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
 * The text cut so that its JSON, quotes and mark included, has at most so many bytes (40 or more). `size` is what its
 * JSON has now.
 */
function cutToBytes(text: string, bytes: number, size: number = bytesOf(text)): string {
  const { body, missing, markBytes } = splitMark(text);
  const most = bytes - 2 - Buffer.byteLength(cutMark(body.length + missing, 'characters'));
  let left = size - 2 - markBytes;
  let end = body.length;
  while (end > 0 && left > most) {
    const pair = end > 1 && isHighSurrogate(body.charCodeAt(end - 2));
    left -= pair ? 4 : unitBytes(body.charCodeAt(end - 1));
    end -= pair ? 2 : 1;
  }
  return body.slice(0, end) + cutMark(body.length - end + missing, 'characters');
}

/** What a UTF-16 unit outside a pair takes in JSON: itself, or its escape. */
function unitBytes(unit: number): number {
  if (unit === 0x22 || unit === 0x5c) return 2;
  if (unit < 0x20) return unit >= 8 && unit <= 13 && unit !== 11 ? 2 : 6;
  if (unit < 0x80) return 1;
  return unit < 0x800 ? 2 : 3;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** A text that was cut before is cut again as if it had not been: one mark, with the sum of both. */
function splitMark(text: string): { body: string; missing: number; markBytes: number } {
  const mark = MARK_AT_END.exec(text.slice(-40));
  if (mark === null) return { body: text, missing: 0, markBytes: 0 };
  const body = text.slice(0, text.length - mark[0].length);
  return { body, missing: Number(mark[1]), markBytes: Buffer.byteLength(mark[0]) };
}

type Measured = Map<object, number>;

function shrink(value: Json, room: number, measured: Measured): Json {
  if (measure(value, measured) <= room) return value;
  if (typeof value === 'string') return cutToBytes(value, room);
  if (Array.isArray(value)) return shrinkArray(value, room, measured);
  return typeof value === 'object' && value !== null ? shrinkObject(value, room, measured) : value;
}

function shrinkArray(items: readonly Json[], room: number, measured: Measured): Json[] {
  const { kept, most } = shares(
    items.map((item) => measure(item, measured) + 1),
    room - 2,
  );
  const shrunk = items.slice(0, kept).map((item) => shrink(item, most - 1, measured));
  if (kept < items.length) shrunk.push(cutMark(items.length - kept, 'more'));
  return shrunk;
}

function shrinkObject(fields: JsonObject, room: number, measured: Measured): JsonObject {
  const keys = Object.keys(fields);
  const sizes = keys.map((key) => bytesOf(key) + 2 + measure(fields[key] as Json, measured));
  const { kept, most } = shares(sizes, room - 2);
  const shrunk: JsonObject = {};
  for (const [at, key] of keys.slice(0, kept).entries()) {
    const tooLong = (sizes[at] as number) > most && bytesOf(key) > MOST_KEY_BYTES;
    const name = freeName(shrunk, tooLong ? cutToBytes(key, MOST_KEY_BYTES) : key, at);
    setField(shrunk, name, shrink(fields[key] as Json, most - 2 - bytesOf(name), measured));
  }
  if (kept < keys.length) setField(shrunk, freeName(shrunk, CUT_KEY, kept), cutMark(keys.length - kept, 'more'));
  return shrunk;
}

/** How many members of a container stay, and how many bytes each may have at most. */
function shares(sizes: readonly number[], room: number): { kept: number; most: number } {
  if (sum(sizes.map((size) => Math.min(size, LEAST_MEMBER_BYTES))) <= room) {
    return { kept: sizes.length, most: waterLevel(sizes, room) };
  }
  let left = room - MARK_BYTES;
  let kept = 0;
  for (const size of sizes) {
    left -= Math.min(size, LEAST_MEMBER_BYTES);
    if (left < 0) break;
    kept += 1;
  }
  return { kept, most: waterLevel(sizes.slice(0, kept), room - MARK_BYTES) };
}

/** The bytes of a value's JSON; containers are kept in `measured`, since each is asked for once at every level above. */
function measure(value: Json, measured: Measured): number {
  if (typeof value === 'number') return String(value).length;
  if (typeof value !== 'object' || value === null) return bytesOf(value);
  const known = measured.get(value);
  if (known !== undefined) return known;
  let bytes = 2;
  if (Array.isArray(value)) for (const item of value) bytes += measure(item, measured) + 1;
  else for (const key of Object.keys(value)) bytes += bytesOf(key) + 2 + measure(value[key] as Json, measured);
  measured.set(value, bytes);
  return bytes;
}

function bytesOf(value: Json): number {
  // What was taken out of a list leaves undefined there, which JSON writes as null.
  return Buffer.byteLength(JSON.stringify(value ?? null));
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
