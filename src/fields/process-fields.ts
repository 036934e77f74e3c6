/** What every record says of the process that it comes from. */
import os from 'node:os';

/** As Pino and Bunyan name them. */
export function processFields(): { hostname?: string; pid: number } {
  try {
    return { hostname: os.hostname(), pid: process.pid };
  } catch {
    return { pid: process.pid }; // a system that does not know its own name
  }
}
