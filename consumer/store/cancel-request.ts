/** Cancels the statement that another connection is waiting for, as psql does on Ctrl-C. */
import net from 'node:net';
import type tls from 'node:tls';
import pg from 'pg';
import { within } from '../../src/time/time-limit.js';

export interface CancelTarget {
  readonly host: string;
  readonly port: number;
  readonly ssl: tls.ConnectionOptions | false;
  readonly directTls: boolean;
  /** Identify the session. The server, or the pooler, sent them when the connection was opened. */
  readonly processID: number;
  readonly secretKey: number;
}

/** In milliseconds. The statement's own time limit ends it if the request does not get through. */
const TIMEOUT_MS = 5000;

/** What `pg` leaves out of its types. */
type RawConnection = pg.Connection & {
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
};

/**
 * Needs neither a login nor one of the server's `max_connections`, and a pooler passes it on to the session that runs
 * the statement. Resolves when the server has taken the request; never rejects.
 */
export async function cancelRequest({ host, port, ssl, directTls, ...key }: CancelTarget): Promise<void> {
  const socket = new net.Socket();
  const config = { stream: () => socket, ssl, sslNegotiation: directTls ? 'direct' : 'postgres' };
  const connection = new pg.Connection(config as pg.ConnectionConfig) as RawConnection;
  const send = () => connection.cancel(key.processID, key.secretKey);
  const answered = new Promise<void>((resolve) => {
    connection.on('error', () => resolve());
    // The server answers by closing the connection.
    connection.on('end', resolve);
  });
  connection.on('sslconnect', send);
  connection.on('connect', () => {
    if (ssl === false) send();
    else if (!directTls) connection.requestSsl();
  });
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
  else connection.connect(port, host);
  await within(TIMEOUT_MS, answered);
  socket.destroy();
}
