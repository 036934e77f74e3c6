/**
 * The constant parts of a line that `encodeRecord` writes. Used to recognize such lines, as text and as bytes.
 *
 * @module
 */

export const HEAD = '{"id":"';
/** In ASCII characters, so also in bytes. */
export const ID_LENGTH = 36;
export const SERVICE = '","service":"';
export const LEVEL = '","level":"';
export const MESSAGE = '","message":"';
export const INFORMATION = ',"information":';
export const TIMESTAMP = ',"timestamp":"';
/** In ASCII characters, so also in bytes. */
export const TIMESTAMP_LENGTH = 27;
export const TAIL = '"}';
