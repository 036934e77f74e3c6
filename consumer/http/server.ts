/**
 * A small HTTP server for probes and scrapes. It answers GET and HEAD and limits everything that a client can do. It
 * plays no part in storing records, so its errors never reach the consumer.
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
  /** Stops accepting requests. Those in progress get a moment to finish. Never rejects. */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** @param path without the query. Returns undefined if the path does not exist. */
  readonly answer: (path: string) => Promise<Answer> | undefined;
  /** The existing paths, listed in error responses. */
  readonly paths: readonly string[];
}

const MAX_HEADER_BYTES = 8 * 1024;
const MAX_CONNECTIONS = 100;
/** How long a client may take to send a request, in milliseconds. */
const REQUEST_MS = 5000;
/** A connection is closed after this long without traffic, in milliseconds. */
const SILENT_MS = 30_000;
const KEEP_ALIVE_MS = 20_000;
/** How long requests in progress may take on shutdown, in milliseconds. */
const CLOSE_MS = 500;

/** @throws the error of `listen`: the port is in use, or the address does not belong to this machine. */
export async function openHttpServer({ host, port, answer, paths }: HttpServerOptions): Promise<HttpServer> {
  const faults = new StatusLog((sentence) => internalLogger.warning(sentence));
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      respond(request, response).catch((error) => {
        // The client gets no details: an error text may contain anything.
        faults.once(`an HTTP request failed: ${reasonOf(error)}`);
        if (response.headersSent) response.destroy();
        else send(request, response, text(500, 'internal error; see the log of the consumer'));
      });
    },
  );
  server.timeout = SILENT_MS;
  server.maxConnections = MAX_CONNECTIONS;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return send(request, response, text(405, `only GET and HEAD are allowed; ${listed(paths)}`));
    }
    const path = (request.url ?? '').split(/[?#]/, 1)[0]!;
    send(request, response, (await answer(path)) ?? text(404, `not found; ${listed(paths)}`));
  }

  await listening(server, host, port);
  server.on('error', (error) => internalLogger.debug(`HTTP server error: ${reasonOf(error)}`));
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: Answer): void {
  if (response.destroyed) return;
  // An unexpected request body is not read.
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
  return `available paths: ${paths.join(', ')}`;
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
