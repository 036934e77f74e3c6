/** Addresses whose parts stand in a variable each, as the Python package has them. Pure. */
import type { Environment } from './option.js';

/** Each host of a list has the port, unless it says another. */
export function withPort(hosts: string, port: string): string {
  return hosts
    .split(',')
    .map((host) => (/[^:\]]:\d+$|\]:\d+$/.test(host) ? host : `${host.trim()}:${port}`))
    .join(',');
}

/**
 * A user's name or password as it stands in a URL. The Python package puts these settings into its URLs as they are, so
 * that a file written for it may hold percent codes; what is none is encoded here.
 */
export function urlPart(environment: Environment, name: string): string | undefined {
  const text = environment(name)?.text;
  return text ? encodeURIComponent(percentDecoded(text)) : undefined;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
