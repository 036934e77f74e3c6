/** Free TCP ports on loopback. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** Never returned, because an application with default settings would connect to them by mistake. */
const given = new Set([5672, 5432]);

const LOWEST = 10_240;
const ATTEMPTS = 200;

/**
 * Returns a free port below the ephemeral range: a client that retries an ephemeral port while its server is down can
 * eventually connect to itself. Never returns the same port twice in one process.
 */
export async function freePort(): Promise<number> {
  const ceiling = firstEphemeralPort();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (ceiling - LOWEST));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free TCP port found between ${LOWEST} and ${ceiling} in ${ATTEMPTS} attempts`);
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function firstEphemeralPort(): number {
  try {
    const first = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
    return first > 12_000 ? first : 32_768;
  } catch {
    return 32_768;
  }
}
