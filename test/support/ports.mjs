import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const given = new Set([5672, 5432]);

/**
 * A free TCP port on loopback, below the range that the kernel hands to outgoing connections: a client that keeps
 * trying a port of that range while its server is down may one day connect to itself.
 */
export async function freePort() {
  const ceiling = firstEphemeralPort();
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 10_240 + Math.floor(Math.random() * (ceiling - 10_240));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free TCP port found between 10240 and ${ceiling} in 200 attempts`);
}

/** Several of them at once. */
export async function freePorts(count) {
  const ports = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

function firstEphemeralPort() {
  try {
    const first = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
    return first > 12_000 ? first : 32_768;
  } catch {
    return 32_768;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
