import { freePort } from '../../dist/esm/cli/embedded/free-port.js';

export { freePort };

/** Several free ports. */
export async function freePorts(count) {
  const ports = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}
