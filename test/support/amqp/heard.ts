import type { Arguments } from './methods.js';

/** A method of the server's, with the message that it carries. */
export interface Heard {
  method: string;
  args: Arguments;
  message?: { properties: Arguments; body: Buffer };
}

/** One line for a method and its message. */
export function describe({ method, args, message }: Heard): string {
  const line = `${method} ${JSON.stringify(args)}`;
  if (!message) return line;
  const { properties, body } = message;
  const headers = properties.headers as { [key: string]: unknown } | undefined;
  // RabbitMQ writes the newest entry in one order and older ones in another; a table has none.
  const deaths = headers?.['x-death'];
  const sorted = Array.isArray(deaths) ? { ...headers, 'x-death': deaths.map(byKey) } : headers;
  const shown = headers === undefined ? properties : { ...properties, headers: sorted };
  const text = body.length > 200 ? `${body.length} bytes` : JSON.stringify(body.toString());
  return `${line} ${JSON.stringify(shown)} ${text}`;
}

function byKey(table: unknown): unknown {
  return Object.fromEntries(Object.entries(table as object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
