/** What of `config.env` the Python package reads otherwise than Node's dotenv does. Pure. */

/**
 * In a file of the Python package a `#` begins a comment only behind a space; for this dotenv it always does, which would
 * cut a password short. Values that hold one are quoted.
 */
export function quoteHashes(text: string): string {
  return text.replace(/^(\s*(?:export\s+)?[\w.-]+[ \t]*=[ \t]*)([^\s'"`][^\r\n]*)/gm, (line, name, rest) => {
    if (/\s$/.test(name) && rest.startsWith('#')) return line;
    const value = String(rest)
      .replace(/\s+#.*$/, '')
      .trimEnd();
    const quote = ["'", '`', '"'].find((candidate) => !value.includes(candidate));
    return value.includes('#') && quote !== undefined ? `${name}${quote}${value}${quote}` : line;
  });
}
