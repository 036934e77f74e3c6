import { createHash } from 'node:crypto';
import type { Arguments } from './methods.js';

/** Properties as bytes: flags and values, as in a content header. */
export type Properties = Arguments | Buffer;

/** A method from the server, with its message. */
export interface ReceivedMethod {
  method: string;
  args: Arguments;
  message?: { properties: Properties; body: Buffer };
}

/** Formats a method and its message as one line. */
export function describe({ method, args, message }: ReceivedMethod): string {
  const line = `${method} ${shownArguments(args)}`;
  if (!message) return line;
  const { properties, body } = message;
  const text = body.length > 200 ? `${body.length} bytes` : JSON.stringify(body.toString());
  return `${line} ${Buffer.isBuffer(properties) ? shownBytes(properties) : shownProperties(properties)} ${text}`;
}

/** Formats the arguments of a method. A table that was passed as bytes is marked as such. */
export function shownArguments(args: Arguments): string {
  const shown = Object.entries(args).map(([name, value]) => [name, Buffer.isBuffer(value) ? shownBytes(value) : value]);
  return JSON.stringify(Object.fromEntries(shown));
}

function shownBytes(bytes: Buffer): string {
  if (bytes.length <= 100) return bytes.toString('hex');
  return `${bytes.length} bytes, ${createHash('sha1').update(bytes).digest('hex').slice(0, 12)}`;
}

function shownProperties(properties: Arguments): string {
  const headers = properties.headers as { [key: string]: unknown } | undefined;
  // RabbitMQ writes the newest entry in one order and older ones in another. The order in a table has no meaning.
  const deaths = headers?.['x-death'];
  const sorted = Array.isArray(deaths) ? { ...headers, 'x-death': deaths.map(byKey) } : headers;
  return JSON.stringify(headers === undefined ? properties : { ...properties, headers: sorted });
}

function byKey(table: unknown): unknown {
  return Object.fromEntries(Object.entries(table as object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
