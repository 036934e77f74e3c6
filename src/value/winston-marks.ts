/**
 * What Winston writes onto the objects that it is handed, and leaves there: onto an Error that is logged by itself, for
 * one, so that whatever logs it again finds a level, and the whole line of the first time, among its fields.
 *
 * Here and not beside the transport, because such an Error may come through any integration.
 *
 * @module
 */

// https://github.com/winstonjs/triple-beam
/** The level as it was before a format coloured it. */
export const LEVEL = Symbol.for('level');
/** The text that a format made of the whole record. */
export const MESSAGE = Symbol.for('message');
/** The arguments of the call behind the message. */
export const SPLAT = Symbol.for('splat');

export function isWinstonMark(key: PropertyKey): boolean {
  return key === LEVEL || key === MESSAGE || key === SPLAT;
}

/** Whether Winston has logged the Error by itself: then its `level` is Winston's, too. */
export function isMarked(error: object): boolean {
  try {
    return Object.hasOwn(error, LEVEL);
  } catch {
    return false; // a proxy that does not say
  }
}
