/** Copies chunks to an output, with backpressure. */
import type { Writable } from 'node:stream';

/**
 * @returns a function that writes a chunk and resolves when the next one may be written: when the output has drained or
 *   closed. After it has closed, chunks are dropped. Write one chunk at a time.
 */
export function createPassthrough(output: Writable): (bytes: Buffer) => Promise<void> {
  let open = true;
  let proceed: (() => void) | undefined;
  const release = () => {
    proceed?.();
    proceed = undefined;
  };
  // One listener for all chunks: a listener per chunk, or a race with a promise that never resolves, would retain all
  // of them.
  output.on('drain', release);
  output.on('error', () => {
    // Node makes its stdout writable again after an error.
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
