/**
 * Parses a line exactly as `encodeRecord` writes it, without copying: its texts stay bytes of the message until they
 * are read. Nearly all stored records arrive in this form, and their texts are never read.
 *
 * @module
 */
import * as form from './canonical-form.js';
import { LEVELS, type Level } from './level.js';
import type { StoredRecord } from './stored-record.js';
import { isCanonicalTimestamp } from './time/timestamp.js';
import { plainObjectEnd, plainStringEnd } from './value/json-bytes.js';

/** A record whose long texts are still bytes of the message body. */
export class CanonicalRecord implements StoredRecord {
  readonly body: Buffer;
  /** Start of the id, which is 36 bytes long. */
  readonly idStart: number;
  readonly service: string;
  readonly level: Level;
  /** [start, end) of the message as JSON, without its quotes. */
  readonly messageStart: number;
  readonly messageEnd: number;
  /** [start, end) of the object. */
  readonly informationStart: number;
  readonly informationEnd: number;
  readonly timestamp: string;

  constructor(
    body: Buffer,
    idStart: number,
    service: string,
    level: Level,
    messageStart: number,
    messageEnd: number,
    informationStart: number,
    informationEnd: number,
    timestamp: string,
  ) {
    this.body = body;
    this.idStart = idStart;
    this.service = service;
    this.level = level;
    this.messageStart = messageStart;
    this.messageEnd = messageEnd;
    this.informationStart = informationStart;
    this.informationEnd = informationEnd;
    this.timestamp = timestamp;
  }

  get id(): string {
    return this.body.toString('latin1', this.idStart, this.idStart + ID_BYTES);
  }

  get message(): string {
    const written = this.body.toString('utf8', this.messageStart, this.messageEnd);
    return written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written;
  }

  get information(): string {
    return this.body.toString('utf8', this.informationStart, this.informationEnd);
  }

  /** Start of the timestamp, which is 27 bytes long. */
  get timestampStart(): number {
    return this.informationEnd + TIMESTAMP.length;
  }
}

export const ID_BYTES = form.ID_LENGTH;
export const TIMESTAMP_BYTES = form.TIMESTAMP_LENGTH;
const HEAD = Buffer.from(form.HEAD);
const SERVICE = Buffer.from(form.SERVICE);
const LEVEL = Buffer.from(form.LEVEL);
const MESSAGE = Buffer.from(form.MESSAGE);
const INFORMATION = Buffer.from(form.INFORMATION);
const TIMESTAMP = Buffer.from(form.TIMESTAMP);
const TAIL = Buffer.from(form.TAIL);

/**
 * Parses the line [start, end) of a body that is known to be UTF-8. Undefined for any other line, valid or not, and for
 * canonical lines that need full parsing: `decodeRecord` handles those.
 */
export function canonicalRecord(body: Buffer, start: number, end: number): CanonicalRecord | undefined {
  const idStart = start + HEAD.length;
  const idEnd = idStart + ID_BYTES;
  const serviceStart = idEnd + SERVICE.length;
  if (end - serviceStart < TIMESTAMP_BYTES) return undefined;
  if (!isAt(body, start, HEAD) || !isAt(body, idEnd, SERVICE) || !isLowerUuid(body, idStart)) return undefined;
  const serviceEnd = plainStringEnd(body, serviceStart, end);
  const service = serviceEnd === -1 ? undefined : serviceOf(body, serviceStart, serviceEnd);
  if (service === undefined || !isAt(body, serviceEnd, LEVEL)) return undefined;
  const levelStart = serviceEnd + LEVEL.length;
  const level = levelOf(body, levelStart);
  if (level === undefined || !isAt(body, levelStart + level.length, MESSAGE)) return undefined;
  const messageStart = levelStart + level.length + MESSAGE.length;
  const messageEnd = plainStringEnd(body, messageStart, end);
  if (messageEnd === -1 || !isAt(body, messageEnd + 1, INFORMATION)) return undefined;
  const informationStart = messageEnd + 1 + INFORMATION.length;
  const informationEnd = plainObjectEnd(body, informationStart, end);
  const timestampStart = informationEnd + TIMESTAMP.length;
  if (informationEnd === -1 || timestampStart + TIMESTAMP_BYTES + TAIL.length !== end) return undefined;
  if (!isAt(body, informationEnd, TIMESTAMP) || !isAt(body, end - TAIL.length, TAIL)) return undefined;
  const timestamp = body.toString('latin1', timestampStart, end - TAIL.length);
  if (!isCanonicalTimestamp(timestamp)) return undefined;
  return new CanonicalRecord(
    body,
    idStart,
    service,
    level,
    messageStart,
    messageEnd,
    informationStart,
    informationEnd,
    timestamp,
  );
}

/** Past the end of the body nothing matches. */
function isAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index++) if (bytes[at + index] !== expected[index]) return false;
  return true;
}

const DASHES: ReadonlySet<number> = new Set([8, 13, 18, 23]);
const DASH = 0x2d;
/** The allowed bytes for each position of a UUID. */
const UUID_BYTES = Array.from({ length: ID_BYTES }, (_, place) => {
  const allowed = new Uint8Array(256);
  for (const byte of DASHES.has(place) ? [DASH] : Buffer.from('0123456789abcdef')) allowed[byte] = 1;
  return allowed;
});

function isLowerUuid(bytes: Uint8Array, at: number): boolean {
  for (let place = 0; place < ID_BYTES; place++) if (UUID_BYTES[place]![bytes[at + place]!] !== 1) return false;
  return true;
}

const LEVEL_BYTES = LEVELS.map((level) => ({ level, bytes: Buffer.from(level) }));

/** Each level starts with a different letter. */
function levelOf(bytes: Uint8Array, at: number): Level | undefined {
  for (const each of LEVEL_BYTES)
    if (bytes[at] === each.bytes[0]) return isAt(bytes, at, each.bytes) ? each.level : undefined;
  return undefined;
}

/** Maximum length of a service name, in characters. */
const MAX_SERVICE = 1000;
/** Cached, because consecutive records usually have the same service. */
let lastService = '';
let lastServiceBytes: Uint8Array = new Uint8Array();

/** Undefined if it is blank, too long or escaped. */
function serviceOf(body: Buffer, start: number, end: number): string | undefined {
  if (end - start === lastServiceBytes.length && isAt(body, start, lastServiceBytes)) return lastService || undefined;
  const service = body.toString('utf8', start, end);
  if (service.includes('\\') || service.length > MAX_SERVICE || service.trim() === '') return undefined;
  lastService = service;
  lastServiceBytes = Buffer.from(body.subarray(start, end));
  return service;
}
