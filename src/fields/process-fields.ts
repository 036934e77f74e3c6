/** The fields of the process, which every record has by default. */
import os from 'node:os';

/** Named as in Pino and Bunyan. */
export function processFields(): { hostname?: string; pid: number } {
  try {
    return { hostname: os.hostname(), pid: process.pid };
  } catch {
    return { pid: process.pid }; // a system that does not know its own name
  }
}
