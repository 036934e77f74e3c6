/** An announcement: one message by which a producer says whose records it sends. Pure. */
import { decodeLine } from './frame.js';
import { SERVICE_NAME } from './wire.js';

export type DecodedAnnouncement =
  | { readonly ok: true; readonly service: string }
  | { readonly ok: false; readonly reason: string };

export function encodeAnnouncement(service: string): Buffer {
  return Buffer.from(JSON.stringify({ service }));
}

/** A name, and room for what others may say beside it. */
const MOST_BYTES = 64 * 1024;

/** Not ok, with the reason in words, for what names no service that queues could be named after. Never throws. */
export function decodeAnnouncement(content: Buffer): DecodedAnnouncement {
  if (content.length > MOST_BYTES) {
    return { ok: false, reason: `an announcement of ${content.length} bytes; more than ${MOST_BYTES} are not parsed` };
  }
  const text = decodeLine(content);
  if (!text.ok) return text;
  let announced: unknown;
  try {
    announced = JSON.parse(text.line);
  } catch {
    return { ok: false, reason: 'an announcement of a service that is not JSON' };
  }
  const service = (announced as { service?: unknown } | null)?.service;
  if (typeof service === 'string' && SERVICE_NAME.test(service)) return { ok: true, service };
  return { ok: false, reason: 'an announcement without a fit name of a service' };
}
