/**
 * Reads the body of a message as its properties describe it: record or frame, charset, compression. Pure.
 *
 * Publishers in other languages describe the same thing in many ways. Everything unambiguous is accepted; nothing is
 * guessed.
 */
import { TextDecoder } from 'node:util';
import type { MessageProperties } from 'amqplib';
import { FRAME_CONTENT_TYPE } from '../src/frame.js';
import { decompress, isCompression } from './compression.js';

/** Maximum size of a body to parse, in bytes, before and after decompression. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

export type Content =
  | { readonly ok: true; readonly isFrame: boolean; readonly body: Buffer }
  | { readonly ok: false; readonly reason: string };

/** All of these mean one JSON value per line. */
const FRAME_TYPES: ReadonlySet<string> = new Set([
  FRAME_CONTENT_TYPE,
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonl',
  'application/jsonlines',
  'application/x-jsonlines',
  'application/json-lines',
  'application/x-ldjson',
  'text/x-ndjson',
]);

/** ASCII is a subset of UTF-8. */
const UTF8_NAMES: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii']);
/** Maximum number of nested compressions. Each may take a few tenths of a second. */
const MAX_COMPRESSIONS = 2;

/**
 * Returns the body as UTF-8, decompressed.
 *
 * - The content type is compared without parameters and case. A body is a record unless the type means lines.
 * - The charset is the parameter of the content type, else the one in `content_encoding` (kombu and Spring put it
 *   there), else UTF-8.
 * - Compressions are those listed in `content_encoding`, else the one in kombu's header `compression`. Other words in
 *   `content_encoding` (`binary`, `identity`) are ignored.
 */
export function readContent(content: Buffer, properties: MessageProperties): Content {
  if (content.length > MAX_MESSAGE_BYTES) {
    return bad(`the message has ${content.length} bytes; the limit for parsing is ${MAX_MESSAGE_BYTES}`);
  }
  const { type, charset } = readContentType(textOf(properties.contentType));
  const plain = withoutCompression(content, compressionsOf(properties));
  const text = plain.ok ? inUtf8(plain.body, charset, properties) : plain;
  return text.ok ? { ok: true, isFrame: FRAME_TYPES.has(type), body: text.body } : text;
}

/** Whether the body is compressed, so that its size says little about the memory needed to parse it. */
export function isCompressed(properties: MessageProperties): boolean {
  const { contentEncoding, headers } = properties;
  return (contentEncoding !== undefined || headers?.compression !== undefined) && compressionsOf(properties).length > 0;
}

type Body = { readonly ok: true; readonly body: Buffer } | { readonly ok: false; readonly reason: string };

function bad(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}

/** Innermost first, in the order in which they were applied. */
function compressionsOf({ contentEncoding, headers }: MessageProperties): string[] {
  const named = encodingsOf(contentEncoding).filter(isCompression);
  const header = textOf(headers?.compression);
  return named.length === 0 && isCompression(header) ? [header] : named;
}

function withoutCompression(content: Buffer, compressions: readonly string[]): Body {
  if (compressions.length > MAX_COMPRESSIONS) {
    return bad(`it is compressed ${compressions.length} times; the limit is ${MAX_COMPRESSIONS}`);
  }
  let body = content;
  for (const name of [...compressions].reverse()) {
    const plain = decompress(body, name, MAX_MESSAGE_BYTES);
    if (!plain.ok) return plain;
    body = plain.body;
  }
  return { ok: true, body };
}

function inUtf8(body: Buffer, charset: string | undefined, { contentEncoding }: MessageProperties): Body {
  const name = charset ?? encodingsOf(contentEncoding).find(isCharset);
  if (name !== undefined && !UTF8_NAMES.has(name)) return transcoded(body, name);
  if (utf16MarkOf(body) === undefined) return { ok: true, body };
  return bad('it starts with a UTF-16 byte order mark. Publish UTF-8, or name the charset in the content type');
}

function transcoded(body: Buffer, charset: string): Body {
  const decoder = decoderOf(charset, body);
  if (decoder === undefined) return bad(`its charset "${charset}" is unknown. Publish UTF-8`);
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    return bad(`it is not valid ${charset}`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_MESSAGE_BYTES) return { ok: true, body: Buffer.from(text) };
  return bad(`it has ${bytes} bytes in UTF-8; the limit for parsing is ${MAX_MESSAGE_BYTES}`);
}

/**
 * `content_encoding` may contain any word, and some are legacy names of a charset (`unicode`). Those with a digit are
 * unambiguous.
 */
function isCharset(name: string): boolean {
  return UTF8_NAMES.has(name) || (/\d/.test(name) && decoderOf(name) !== undefined);
}

/** Undefined if the charset is unknown. */
function decoderOf(name: string, body?: Buffer): TextDecoder | undefined {
  // The byte order mark decides which of the two `utf-16` means.
  const label = (name === 'utf-16' && body && utf16MarkOf(body)) || PYTHON_NAMES[name] || name;
  try {
    return new TextDecoder(label, { fatal: true });
  } catch {
    return undefined;
  }
}

/** Python's names for charsets that differ from the standard ones. */
const PYTHON_NAMES: Readonly<Record<string, string>> = {
  'latin-1': 'latin1',
  'utf-16-le': 'utf-16le',
  'utf-16-be': 'utf-16be',
};

function utf16MarkOf([first, second]: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined;
}

interface ContentType {
  readonly type: string;
  readonly charset: string | undefined;
}

/** Caches the last parsed content type: publishers repeat it. */
let lastWritten = '';
let lastRead: ContentType = { type: '', charset: undefined };

function readContentType(written: string): ContentType {
  if (written !== lastWritten) {
    lastRead = parseContentType(written);
    lastWritten = written;
  }
  return lastRead;
}

function parseContentType(written: string): ContentType {
  const [type = '', ...parameters] = written.toLowerCase().split(';');
  const charset = parameters.map((each) => /^\s*charset\s*=\s*"?([^"]+?)"?\s*$/.exec(each)?.[1]).find(Boolean);
  return { type: type.trim(), charset };
}

const NO_ENCODINGS: readonly string[] = [];

/** `GZIP , identity` → `gzip`, `identity` */
function encodingsOf(written: unknown): readonly string[] {
  if (written === undefined) return NO_ENCODINGS;
  return textOf(written)
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** A property or a header may have any type. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
