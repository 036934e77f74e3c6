/** Where the Python package reads `config.env` differently from Node's dotenv. Pure. */

/**
 * In the Python package, `#` begins a comment only after a space. For Node's dotenv it always does, which would cut a
 * password short. So values with a `#` are quoted.
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
