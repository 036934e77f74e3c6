/**
 * A real SMTP server with STARTTLS and authentication that stores accepted mail, and an HTTP server that receives
 * webhooks.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { MailSettings } from '../../consumer/alerts/settings.js';
import { makeCa, writePem } from './tls.mjs';
import { onEnd } from './use-servers.js';

export interface ReceivedMail {
  /** The raw message. */
  raw: string;
  /** Unfolded, by lower-case name; the last one of a repeated name. */
  headers: ReadonlyMap<string, string>;
  subject: string;
  text: string;
  html: string;
  to: string[];
  secure: boolean;
  user: string | undefined;
}

export interface MailServer {
  port: number;
  mails: ReceivedMail[];
  settings: MailSettings;
  /** Stops it; `start` listens on the same port again. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Number of connections, including those that sent nothing. */
  readonly connections: number;
}

export interface MailServerOptions {
  /** Options of the underlying server. */
  server?: SMTPServerOptions;
  /** Rejects the n-th mail, or one with this content, with this reply. */
  refuse?: (count: number, data: string) => { code: number; text: string } | undefined;
  /** Implicit TLS. */
  secure?: boolean;
}

const USER = 'alerts@example.test';
const PASSWORD = 'mail-secret';

export async function useMailServer({
  server: more,
  refuse,
  secure = false,
}: MailServerOptions = {}): Promise<MailServer> {
  const { ca, cert, key } = makeCa().issue();
  const files = writePem({ ca });
  onEnd(() => files.remove());
  const mails: ReceivedMail[] = [];
  let connections = 0;
  let attempts = 0;
  let server: SMTPServer | undefined;
  let port = 0;

  async function start(): Promise<void> {
    server = new SMTPServer({
      secure,
      cert,
      key,
      disableReverseLookup: true,
      onConnect: (_session, done) => {
        connections += 1;
        done();
      },
      onAuth: ({ username, password }, _session, done) => {
        if (username === USER && password === PASSWORD) return done(null, { user: username });
        return done(Object.assign(new Error('5.7.8 Username and password not accepted'), { responseCode: 535 }));
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          attempts += 1;
          const refusal = refuse?.(attempts, Buffer.concat(chunks).toString('utf8'));
          if (refusal) return done(Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
          const to = session.envelope.rcptTo.map(({ address }) => address);
          mails.push({
            ...parsed(Buffer.concat(chunks).toString('utf8')),
            to,
            secure: session.secure,
            user: session.user,
          });
          return done(null, 'queued as 42');
        });
      },
      ...more,
    });
    // Client errors are checked by the tests.
    server.on('error', () => {});
    await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', () => resolve()));
    port = (server.server.address() as AddressInfo).port;
  }

  const stop = () => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  await start();
  onEnd(stop);
  return {
    port,
    mails,
    settings: {
      host: 'localhost',
      port,
      tls: secure ? 'tls' : 'starttls',
      caFile: files.ca,
      sender: USER,
      user: USER,
      password: PASSWORD,
      recipients: ['ops@example.test'],
    },
    stop,
    start,
    get connections() {
      return connections;
    },
  };
}

/** Parses what nodemailer writes: one multipart/alternative with a text and an HTML part. */
function parsed(raw: string): Pick<ReceivedMail, 'raw' | 'headers' | 'subject' | 'text' | 'html'> {
  const { headers, body } = split(raw);
  const boundary = /boundary="([^"]+)"/.exec(headers.get('content-type') ?? '')?.[1];
  const parts =
    boundary === undefined
      ? []
      : body
          .split(`--${boundary}`)
          .slice(1, -1)
          .map((part) => split(part.replace(/^\r\n/, '')));
  const partOf = (type: string) => {
    const part = parts.find((one) => one.headers.get('content-type')?.startsWith(type));
    return part === undefined ? '' : decoded(part.body, part.headers.get('content-transfer-encoding') ?? '');
  };
  return {
    raw,
    headers,
    subject: words(headers.get('subject') ?? ''),
    text: partOf('text/plain'),
    html: partOf('text/html'),
  };
}

function split(raw: string): { headers: Map<string, string>; body: string } {
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { headers, body: raw.slice(end + 4) };
}

function decoded(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body.replaceAll('\r\n', '\n');
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
}

/** Decodes RFC 2047 encoded words. */
function words(header: string): string {
  return header
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([QB])\?(.*?)\?=/gi, (_, kind: string, text: string) =>
      kind.toUpperCase() === 'B'
        ? Buffer.from(text, 'base64').toString('utf8')
        : decoded(text.replaceAll('_', ' '), 'quoted-printable'),
    );
}

export interface WebhookServer {
  url: string;
  requests: Array<{ body: string; headers: http.IncomingHttpHeaders }>;
}

export async function useWebhookServer(
  answer: (response: http.ServerResponse) => void = (response) => response.end('ok'),
): Promise<WebhookServer> {
  const requests: WebhookServer['requests'] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests.push({ body: Buffer.concat(chunks).toString('utf8'), headers: request.headers });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  onEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/x9-secret`, requests };
}
