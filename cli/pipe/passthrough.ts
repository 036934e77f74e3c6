/** What comes is passed on. */
import type { Writable } from 'node:stream';

/**
 * @returns what writes a piece, and resolves when the next one may come: when the reader has caught up, or has gone; what
 *   is passed on to nobody is dropped. One piece at a time.
 */
export function createPassthrough(output: Writable): (bytes: Buffer) => Promise<void> {
  let open = true;
  let proceed: (() => void) | undefined;
  const release = () => {
    proceed?.();
    proceed = undefined;
  };
  // For all pieces together: a listener for each, or a race with a promise that never settles, would hold on to all of them.
  output.on('drain', release);
  output.on('error', () => {
    // Node makes its stdout writable again after that.
    open = false;
    release();
  });
  return async (bytes) => {
    if (!open || output.write(bytes)) return;
    await new Promise<void>((resolve) => {
      proceed = resolve;
    });
  };
}
