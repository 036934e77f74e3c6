/**
 * The pieces of a line that `encodeRecord` writes, between and around what differs: how a line of our own is known, as text and
 * as bytes.
 *
 * @module
 */

export const HEAD = '{"id":"';
/** Of ASCII, and so of bytes. */
export const ID_LENGTH = 36;
export const SERVICE = '","service":"';
export const LEVEL = '","level":"';
export const MESSAGE = '","message":"';
export const INFORMATION = ',"information":';
export const TIMESTAMP = ',"timestamp":"';
/** The same of the timestamp. */
export const TIMESTAMP_LENGTH = 27;
export const TAIL = '"}';
