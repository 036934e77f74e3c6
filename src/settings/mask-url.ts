/** Passwords never appear in any output. The one masker of the project. Pure. */

/**
 * A URL as it may stand in a message, also a malformed one, or a piece of one that was put into the wrong option: what may
 * be a password becomes `***`, even where that hides more than the password.
 *
 * @param text a URL, a host list, several URLs separated by commas, or libpq's `key=value` form.
 */
export function maskUrl(text: string): string {
  return maskParameters(maskLogins(text));
}

/** The same for a sentence of somebody else's (npm, a library) that may quote URLs. */
export function maskUrlsIn(sentence: string): string {
  return sentence.replace(/[a-z][a-z0-9+.-]*:\/\/(?:\S*@)?[^\s"'`<>]*/gi, maskUrl);
}

/** Whether a text looks like a URL, or like a piece of one. Any other text has no password to hide. */
export function mayHoldPassword(text: string): boolean {
  return /:\/\/|@|%40/.test(text) || maskParameters(text) !== text;
}

/**
 * A password stands between the first ':' and the last '@'. It may itself hold any character, encoded or not. Where no '@'
 * follows any more, what stands behind a ':' is a port or else is taken for a password.
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

/** Hosts behind the last '@' of a text, up to its end. */
function maskHosts(text: string): string {
  return text
    .split(/((?:,\s*)?[a-z][a-z0-9+.-]*:\/\/)/i)
    .map((part) => {
      const colon = part.endsWith('://') ? -1 : indexOfNoPort(part);
      return colon < 0 ? part : `${part.slice(0, colon)}:***`;
    })
    .join('');
}

/** Of the first ':' in a list of hosts that no port follows; -1 where there is none. */
function indexOfNoPort(text: string): number {
  const end = text.search(/[/?#]/);
  const hosts = end < 0 ? text : text.slice(0, end);
  const pattern = /\[[0-9a-f:.]*(?:%[\w.-]*)?\]|:/gi;
  for (let found = pattern.exec(hosts); found !== null; found = pattern.exec(hosts)) {
    if (found[0] === ':' && !/^:\d*(?:[,/?#]|$)/.test(text.slice(found.index))) return found.index;
  }
  return -1;
}

/** `password`, `sslpassword`, `PGPASSWORD`, `pwd`, `client_secret` …; `passfile` and `sslkey` are paths, and none. */
const SECRET = /^[\w.-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|scram_\w+_key)$/i;
/** What ends the value of a password: libpq's parameters, and whatever else is surely a name. The rest may belong to it. */
const NEXT_NAME =
  /^(?:user|dbname|host(?:addr)?|port|ssl\w*|gss\w+|vhost|options|passfile|service|(?:ssl)?password|[a-z_]{6,})$/i;

const PARAMETER = /(^|[?&\s;,])([\w.%-]+)(\s*=\s*)/g;
/** libpq's values in a list of `key=value`: quoted, or up to white space that is not escaped. */
const LIBPQ_VALUE = /'(?:\\[\s\S]|[^'\\])*'?|(?:\\[\s\S]|[^\s\\])*/y;

function maskParameters(text: string): string {
  const isQuery = text.includes('?') || text.includes('&');
  let masked = '';
  let from = 0;
  PARAMETER.lastIndex = 0;
  for (let found = PARAMETER.exec(text); found !== null; found = PARAMETER.exec(text)) {
    if (!SECRET.test(decoded(found[2] ?? ''))) {
      // What ends here may begin the next one.
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
