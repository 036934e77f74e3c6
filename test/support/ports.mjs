import { freePort } from '../../dist/esm/cli/embedded/free-port.js';

export { freePort };

/** Several of them at once. */
export async function freePorts(count) {
  const ports = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}
