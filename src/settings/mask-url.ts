/** Passwords never appear in any output. Pure. */

/**
 * A URL as it may stand in a message, also a malformed one: what may be a password becomes `***`, even where that hides
 * more than the password.
 *
 * @param text a URL, several separated by commas, or libpq's `key=value` form.
 */
export function maskUrl(text: string): string {
  const scheme = /^\s*[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
  return (scheme + maskLogin(text.slice(scheme.length))).replace(
    /(^|[?&\s])((?:ssl)?password\s*=\s*)(?:'[^']*'?|[^&\s]*(?:&[^&=\s]*(?![^&\s]))*)/gi,
    '$1$2***',
  );
}

/** The password stands between the first ':' and the last '@'; without an '@', behind a ':' that no port follows. */
function maskLogin(text: string): string {
  const address = /^\[[^\]]*\]/.exec(text)?.[0] ?? '';
  const colon = text.indexOf(':', address.length);
  if (colon < 0) return text;
  const at = text.lastIndexOf('@');
  if (at > colon) return `${text.slice(0, colon)}:***${text.slice(at)}`;
  if (at >= 0 || /^:\d*(?:[/?#,]|$)/.test(text.slice(colon))) return text;
  return `${text.slice(0, colon)}:***`;
}
