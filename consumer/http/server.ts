/**
 * A small HTTP server for probes and scrapes: GET and HEAD, with a limit on everything that a client may do to it. It has
 * no part in storing, so nothing of it is thrown into the consumer.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { StatusLog } from '../../src/status-log.js';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface HttpServer {
  readonly port: number;
  /** Takes no requests any more; those under way have a moment to end. Never rejects. */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** @param path without the query. Undefined: there is no such path. */
  readonly answer: (path: string) => Promise<Answer> | undefined;
  /** What there is, for people who ask for something else. */
  readonly paths: readonly string[];
}

const MOST_HEADER_BYTES = 8 * 1024;
const MOST_CONNECTIONS = 100;
/** How long a client may take to send a request, in milliseconds. */
const REQUEST_MS = 5000;
/** After so long without a byte either way a connection ends, in milliseconds. */
const SILENT_MS = 30_000;
const KEEP_ALIVE_MS = 20_000;
/** At the end: how long requests under way may take, in milliseconds. */
const CLOSE_MS = 500;

/** @throws the error of `listen`: the port is taken, the address is none of this machine. */
export async function openHttpServer({ host, port, answer, paths }: HttpServerOptions): Promise<HttpServer> {
  const faults = new StatusLog((sentence) => internalLogger.warning(sentence));
  const server = createServer(
    {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      respond(request, response).catch((error) => {
        // Not more than that: the text of a fault may hold anything.
        faults.once(`a request over HTTP failed: ${reasonOf(error)}`);
        if (response.headersSent) response.destroy();
        else send(request, response, text(500, 'internal error; the log of the consumer says more'));
      });
    },
  );
  server.timeout = SILENT_MS;
  server.maxConnections = MOST_CONNECTIONS;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return send(request, response, text(405, `only GET and HEAD are answered here; ${listed(paths)}`));
    }
    const path = (request.url ?? '').split(/[?#]/, 1)[0]!;
    send(request, response, (await answer(path)) ?? text(404, `nothing is here; ${listed(paths)}`));
  }

  await listening(server, host, port);
  server.on('error', (error) => internalLogger.debug(`the HTTP server: ${reasonOf(error)}`));
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: Answer): void {
  if (response.destroyed) return;
  // A body that nobody asked for is not read.
  if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
    response.setHeader('Connection', 'close');
  }
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function text(status: number, sentence: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${sentence}\n` };
}

function listed(paths: readonly string[]): string {
  return `there is ${paths.join(', ')}`;
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
    server.closeIdleConnections();
  });
}
