/** Addresses whose parts stand in a variable each, as the Python package has them. Pure. */
import net from 'node:net';
import { type Environment, Expected } from './option.js';

/**
 * Each host of a list has the port, unless it says another. An IPv6 address needs no brackets here, a folder no codes.
 *
 * @throws Expected for what would be another part of the URL than the one that it is set as: the rest would be lost, or lead elsewhere.
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
  // Without a name it would be localhost.
  if (/^(?:\[\])?(?::|$)/.test(host)) throw new Expected('a host name or address, none of a list empty');
  return host;
}

/**
 * The port that a variable names. Kubernetes sets such variables in every container for a service of the same name
 * (`QUEUE_PORT=tcp://10.0.0.1:5672` for one that is called "queue"): nobody has written that one, and it says nothing.
 */
export function portOf(environment: Environment, name: string, usual: string, say: (sentence: string) => void): string {
  const setting = environment(name);
  if (!setting?.text) return usual;
  if (!/^(?:tcp|udp|sctp):\/\/\S+$/i.test(setting.text.trim())) return setting.text;
  const service = name
    .replace(/_PORT$/, '')
    .toLowerCase()
    .replaceAll('_', '-');
  say(
    `${setting.where} is "${setting.text.trim()}", as Kubernetes sets it for a service named "${service}"; it is passed over, and port ${usual} used. Set it to a number, or enableServiceLinks to false.`,
  );
  return usual;
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
