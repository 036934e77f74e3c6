/** An announcement: a message with which a producer registers its service. Pure. */
import { decodeLine } from './frame.js';
import { SERVICE_NAME } from './wire.js';

export type DecodedAnnouncement =
  | { readonly ok: true; readonly service: string }
  | { readonly ok: false; readonly reason: string };

export function encodeAnnouncement(service: string): Buffer {
  return Buffer.from(JSON.stringify({ service }));
}

/** Maximum size of an announcement in bytes: a name, and room for future fields. */
const MAX_BYTES = 64 * 1024;

/** Returns a reason if there is no service name that is valid in queue names. Never throws. */
export function decodeAnnouncement(content: Buffer): DecodedAnnouncement {
  if (content.length > MAX_BYTES) {
    return { ok: false, reason: `an announcement of ${content.length} bytes; the limit is ${MAX_BYTES}` };
  }
  const text = decodeLine(content);
  if (!text.ok) return text;
  let announced: unknown;
  try {
    announced = JSON.parse(text.line);
  } catch {
    return { ok: false, reason: 'an announcement that is not JSON' };
  }
  const service = (announced as { service?: unknown } | null)?.service;
  if (typeof service === 'string' && SERVICE_NAME.test(service)) return { ok: true, service };
  return { ok: false, reason: 'an announcement without a valid service name' };
}
