/**
 * Message properties, kept as received. Only what the broker needs is decoded, and they are only re-encoded when a
 * header is added; everything else is passed on byte for byte.
 */
import { internalError, NOWHERE } from '../amqp-error.js';
import { ByteReader, Malformed } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { type Field, readField, writeField } from './field-table.js';
import { isRewritten, rewrite, skipField } from './field-walk.js';

const HEADERS = 0x2000;
const DELIVERY_MODE = 0x1000;
const PRIORITY = 0x0800;
const EXPIRATION = 0x0100;
const TIMESTAMP = 0x0040;
const USER_ID = 0x0010;
/** Unused in class basic; one would mean that more flags follow. RabbitMQ ignores them. */
const MEANINGLESS = 0x0003;
/** In wire order; the last flag of class basic is cluster-id. */
const FLAGS = [
  0x8000,
  0x4000,
  HEADERS,
  DELIVERY_MODE,
  PRIORITY,
  0x0400,
  0x0200,
  EXPIRATION,
  0x0080,
  TIMESTAMP,
  0x0020,
  USER_ID,
  0x0008,
  0x0004,
];

interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Properties {
  /** Flags and values, as in the content header. */
  readonly raw: Buffer;
  /** Where the header table is, or would be. */
  readonly headers: Span;
  readonly expiration: (Span & { readonly text: string }) | undefined;
  readonly deliveryMode: number | undefined;
  readonly userId: string | undefined;
  /** Whether a header names additional routing keys. */
  readonly sendsCopies: boolean;
  /** Whether RabbitMQ would encode the same bytes. */
  readonly isCanonical: boolean;
}

/**
 * @param raw must have its own memory.
 * @throws AmqpError 541, as RabbitMQ does, if the properties are malformed.
 */
export function parseProperties(raw: Buffer): Properties {
  try {
    return parse(raw);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const unreadable = internalError();
    unreadable.at = NOWHERE;
    throw unreadable;
  }
}

const NO_HEADERS: Span = { start: 2, end: 2 };

function parse(raw: Buffer): Properties {
  const reader = new ByteReader(raw);
  const flags = reader.short();
  let headers = NO_HEADERS;
  let expiration: Properties['expiration'];
  let userId: string | undefined;
  let deliveryMode: number | undefined;
  let sendsCopies = false;
  let isCanonical = (flags & MEANINGLESS) === 0;
  for (const flag of FLAGS) {
    const start = reader.at;
    const present = (flags & flag) !== 0;
    if (flag === HEADERS) {
      if (present) {
        readEntries(
          reader,
          (name) => {
            sendsCopies ||= name === 'CC' || name === 'BCC';
          },
          (letter, at) => {
            isCanonical &&= !isRewritten(raw, letter, at);
          },
        );
      }
      headers = { start, end: reader.at };
    } else if (!present) continue;
    else if (flag === DELIVERY_MODE) deliveryMode = reader.octet();
    else if (flag === PRIORITY) reader.skip(1);
    else if (flag === TIMESTAMP) reader.skip(8);
    else if (flag === EXPIRATION) {
      const text = reader.shortString();
      expiration = { start, end: reader.at, text };
    } else if (flag === USER_ID) userId = reader.shortString();
    else reader.skip(reader.octet());
  }
  if (reader.left > 0) reader.refuse('it is longer than its flags say');
  return { raw, headers, expiration, deliveryMode, userId, sendsCopies, isCanonical };
}

/**
 * Walks the header table: `onEntry` is called for its own entries after each is read, `onField` for fields at any
 * depth.
 */
function readEntries(
  reader: ByteReader,
  onEntry: (name: string, start: number) => void,
  onField?: (letter: string, at: number) => void,
): void {
  reader.within(reader.long(), () => {
    const name = reader.shortString();
    const start = reader.at;
    skipField(reader, onField);
    onEntry(name, start);
  });
}

/** The properties as RabbitMQ re-encodes them. Quorum queues always hold them in this form. */
export function canonical(properties: Properties): Properties {
  if (properties.isCanonical) return properties;
  const { headers } = properties;
  const raw = Buffer.from(properties.raw);
  raw.writeUInt16BE(raw.readUInt16BE(0) & ~MEANINGLESS);
  if (headers.start < headers.end) rewrite(raw, headers.start, 'F');
  return { ...properties, raw, isCanonical: true };
}

/** A header with its encoded value. */
export interface Header {
  readonly name: string;
  /** Type and value. */
  readonly raw: Buffer;
}

export function readHeaders({ raw, headers }: Properties): Header[] {
  if (headers.start === headers.end) return [];
  const entries: Header[] = [];
  const reader = new ByteReader(raw, headers.start);
  readEntries(reader, (name, start) => entries.push({ name, raw: reader.since(start) }));
  return entries;
}

export function headerValue(headers: readonly Header[], name: string): Field | undefined {
  const header = headers.find((each) => each.name === name);
  return header && readField(new ByteReader(header.raw));
}

/** Sets headers as RabbitMQ does: replaces those of the same name and sorts all by name. */
export function setHeaders(headers: readonly Header[], values: Readonly<Record<string, Field>>): Header[] {
  const kept = headers.filter(({ name }) => !Object.hasOwn(values, name));
  const set = Object.entries(values).map(([name, field]) => {
    const writer = new ByteWriter();
    writeField(writer, field);
    return { name, raw: writer.take() };
  });
  return [...kept, ...set].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Replaces the headers, and optionally removes the expiration. */
export function withHeaders(
  properties: Properties,
  headers: readonly Header[],
  { keepsExpiration }: { keepsExpiration: boolean },
): Properties {
  const { raw, expiration } = properties;
  const dropped = keepsExpiration ? undefined : expiration;
  const writer = new ByteWriter(raw.length + 256);
  const flags = raw.readUInt16BE(0) | HEADERS;
  writer.short(dropped ? flags & ~EXPIRATION : flags);
  writer.raw(raw.subarray(2, properties.headers.start));
  const size = writer.sizeLater();
  for (const header of headers) {
    writer.shortString(header.name);
    writer.raw(header.raw);
  }
  writer.sizeHere(size);
  writer.raw(raw.subarray(properties.headers.end, dropped?.start ?? raw.length));
  if (dropped) writer.raw(raw.subarray(dropped.end));
  return parseProperties(writer.take());
}
