/**
 * Properties that Winston adds to the objects that it logs and leaves there. For example, an Error that was logged once
 * has a level and the whole formatted line among its properties when it is logged again.
 *
 * Not part of the transport, because such an Error may come through any integration.
 *
 * @module
 */

// https://github.com/winstonjs/triple-beam
/** The level before a format colored it. */
export const LEVEL = Symbol.for('level');
/** The whole record as formatted text. */
export const MESSAGE = Symbol.for('message');
/** The arguments of the logging call after the message. */
export const SPLAT = Symbol.for('splat');

export function isWinstonMark(key: PropertyKey): boolean {
  return key === LEVEL || key === MESSAGE || key === SPLAT;
}

/** Whether Winston has logged this Error directly: then its `level` was set by Winston as well. */
export function isMarked(error: object): boolean {
  try {
    return Object.hasOwn(error, LEVEL);
  } catch {
    return false;
  }
}
