/**
 * Messages of the library, for somebody who typed a command: options by the names that the command line has, and no advice
 * that only code can follow. Pure.
 */
const TYPED: Readonly<Record<string, string>> = {
  url: 'option --url',
  databaseUrl: 'option --database-url',
  schema: 'option --schema',
  service: 'option --service',
  httpPort: 'option --http-port',
  httpHost: 'option --http-host',
  services: 'argument [services...]',
};

export function inWordsOfCommand(text: string): string {
  return text
    .replace(/ or set the option "(\w+)"/g, (_, name: string) => (TYPED[name] ? ` or give ${TYPED[name]}` : ''))
    .replace(/option "(\w+)"/g, (said, name: string) => TYPED[name] ?? said)
    .replace(/: await close\(\) before it, or let the script end\./, '. Let it come to its end by itself.');
}
