/** Addresses whose parts are in separate variables, as in the Python package. Pure. */
import net from 'node:net';
import { type Environment, Expected } from './option.js';

/**
 * Adds the port to each host of a list that has none. IPv6 addresses need no brackets here, and folders no percent
 * codes.
 *
 * @throws Expected for a host with characters that end the host in a URL: Loghive would connect to another host.
 */
export function withPort(hosts: string, port: string): string {
  const digits = port.trim();
  if (!/^\d{1,5}$/.test(digits) || Number(digits) < 1 || Number(digits) > 65535) {
    throw new Expected('a port from 1 to 65535');
  }
  return hosts
    .split(',')
    .map((host) => hostInUrl(host.trim()))
    .map((host) => (/[^:\]]:\d+$|\]:\d+$/.test(host) ? host : `${host}:${digits}`))
    .join(',');
}

function hostInUrl(host: string): string {
  if (host.startsWith('/')) return encodeURIComponent(host);
  if (/[?#/@\\\s]/.test(host)) {
    throw new Expected(
      "a host name or address (several separated by commas) without '?', '#', '/', '@', '\\' or white space",
    );
  }
  if (net.isIPv6(host)) return `[${host}]`;
  // An empty host would mean localhost.
  if (/^(?:\[\])?(?::|$)/.test(host)) throw new Expected('a host name or address; no entry of a list may be empty');
  return host;
}

/**
 * The port in a variable. Kubernetes sets such variables in every container for a service of the same name
 * (`QUEUE_PORT=tcp://10.0.0.1:5672` for a service "queue"). They are ignored, because nobody has set them on purpose.
 */
export function portOf(
  environment: Environment,
  name: string,
  usual: string,
  warn: (sentence: string) => void,
): string {
  const setting = environment(name);
  if (!setting?.text) return usual;
  if (!/^(?:tcp|udp|sctp):\/\/\S+$/i.test(setting.text.trim())) return setting.text;
  const service = name
    .replace(/_PORT$/, '')
    .toLowerCase()
    .replaceAll('_', '-');
  warn(
    `${setting.where} is "${setting.text.trim()}", as Kubernetes sets it for a service named "${service}"; it is ignored, and port ${usual} is used. Set it to a number, or set enableServiceLinks to false.`,
  );
  return usual;
}

/**
 * A user name or password as a part of a URL. The Python package puts these settings into its URLs unchanged, so a
 * file written for it may hold percent codes. Everything else is encoded here.
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
