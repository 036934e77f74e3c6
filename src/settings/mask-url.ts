/** Hides passwords in URLs that are shown or logged. No other file does that. Pure. */

/**
 * A URL for a message; also a malformed one, or a part of one that was put into the wrong option. Anything that may be
 * a password becomes `***`, even if that hides more than the password.
 *
 * @param text a URL, a host list, several URLs separated by commas, or libpq's `key=value` form.
 */
export function maskUrl(text: string): string {
  return maskParameters(maskLogins(text));
}

/** The same for a text of other programs (npm, a library) that may quote URLs. */
export function maskUrlsIn(sentence: string): string {
  return sentence.replace(/[a-z][a-z0-9+.-]*:\/\/(?:\S*@)?[^\s"'`<>]*/gi, maskUrl);
}

/** Whether a text looks like a URL or a part of one. Any other text has no password to hide. */
export function mayHoldPassword(text: string): boolean {
  return /:\/\/|@|%40/.test(text) || maskParameters(text) !== text;
}

/**
 * A password is between the first ':' and the last '@', and may contain any character, encoded or not. If no '@'
 * follows, the text after a ':' is a port, or else it is taken for a password.
 */
function maskLogins(text: string): string {
  const scheme = /^\s*[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
  const rest = text.slice(scheme.length);
  const at = rest.lastIndexOf('@');
  const login = rest.slice(0, Math.max(at, 0));
  const colon = /:|%3a/i.exec(login);
  const shownLogin = colon === null ? login : `${login.slice(0, colon.index)}:***`;
  return scheme + shownLogin + maskHosts(rest.slice(login.length));
}

/** Hosts after the last '@' of a text, up to its end. */
function maskHosts(text: string): string {
  return text
    .split(/((?:,\s*)?[a-z][a-z0-9+.-]*:\/\/)/i)
    .map((part) => {
      const colon = part.endsWith('://') ? -1 : indexOfNoPort(part);
      return colon < 0 ? part : `${part.slice(0, colon)}:***`;
    })
    .join('');
}

/** Index of the first ':' in a list of hosts that no port follows, or -1. */
function indexOfNoPort(text: string): number {
  const end = text.search(/[/?#]/);
  const hosts = end < 0 ? text : text.slice(0, end);
  const pattern = /\[[0-9a-f:.]*(?:%[\w.-]*)?\]|:/gi;
  for (let found = pattern.exec(hosts); found !== null; found = pattern.exec(hosts)) {
    if (found[0] === ':' && !/^:\d*(?:[,/?#]|$)/.test(text.slice(found.index))) return found.index;
  }
  return -1;
}

/** `password`, `sslpassword`, `PGPASSWORD`, `pwd`, `client_secret` …; not `passfile` and `sslkey`, which are paths. */
const SECRET = /^[\w.-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|scram_\w+_key)$/i;
/**
 * Names after which the value of a password is over: libpq's parameters, and other names of six or more letters.
 * Everything else may be a part of the password.
 */
const NEXT_NAME =
  /^(?:user|dbname|host(?:addr)?|port|ssl\w*|gss\w+|vhost|options|passfile|service|(?:ssl)?password|[a-z_]{6,})$/i;

const PARAMETER = /(^|[?&\s;,])([\w.%-]+)(\s*=\s*)/g;
/** Values in libpq's `key=value` form: quoted, or up to the first unescaped white space. */
const LIBPQ_VALUE = /'(?:\\[\s\S]|[^'\\])*'?|(?:\\[\s\S]|[^\s\\])*/y;

function maskParameters(text: string): string {
  const isQuery = text.includes('?') || text.includes('&');
  let masked = '';
  let from = 0;
  PARAMETER.lastIndex = 0;
  for (let found = PARAMETER.exec(text); found !== null; found = PARAMETER.exec(text)) {
    if (!SECRET.test(decoded(found[2] ?? ''))) {
      // The end of this one may be the start of the next one.
      PARAMETER.lastIndex = found.index + found[0].trimEnd().length;
      continue;
    }
    const begin = found.index + found[0].length;
    const end = isQuery ? endInQuery(text, begin) : endInList(text, begin);
    masked += `${text.slice(from, begin)}***`;
    from = end;
    PARAMETER.lastIndex = end;
  }
  return masked + text.slice(from);
}

function endInQuery(text: string, begin: number): number {
  const next = /&([\w.%-]+)\s*=/g;
  next.lastIndex = begin;
  for (let found = next.exec(text); found !== null; found = next.exec(text)) {
    if (NEXT_NAME.test(decoded(found[1] ?? ''))) return found.index;
    next.lastIndex = found.index + 1;
  }
  return text.length;
}

function endInList(text: string, begin: number): number {
  LIBPQ_VALUE.lastIndex = begin;
  return begin + (LIBPQ_VALUE.exec(text)?.[0].length ?? 0);
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
