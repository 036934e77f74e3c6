/**
 * COPY … FROM STDIN over a `pg.Client`, for data that can be had without waiting.
 *
 * Not `pg-copy-streams`: when the server refuses a row while the socket is still full, its writable loses its
 * connection and then throws from a `drain` listener, where nobody can catch it (seen with 7.0.0).
 */
import type pg from 'pg';

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

export interface CopyResult {
  /** How many the server stored. */
  readonly rows: number;
  /** The command tag of the last statement, 'COMMIT'. */
  readonly command: string;
}

/**
 * @param statement holds one COPY; statements before and after it (`begin; copy …; commit`) are run in the same round
 *   trip.
 * @returns Rejects with the server's error, or that of the connection.
 */
export function copyIn(client: pg.Client, statement: string, data: Iterable<Buffer>): Promise<CopyResult> {
  return new Promise((resolve, reject) => {
    client.query(new CopyIn(statement, data, resolve, reject));
  });
}

/** What `pg` calls while a query of a foreign kind is the active one. */
class CopyIn implements pg.Submittable {
  #rows = 0;
  #command = '';
  readonly #statement: string;
  readonly #data: Iterable<Buffer>;
  readonly #resolve: (result: CopyResult) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    statement: string,
    data: Iterable<Buffer>,
    resolve: (result: CopyResult) => void,
    reject: (error: Error) => void,
  ) {
    this.#statement = statement;
    this.#data = data;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): void {
    connection.query(this.#statement);
  }

  /** The pieces are not corked: each one goes to the kernel while the next is being made. */
  handleCopyInResponse({ stream }: pg.Connection): void {
    for (const piece of this.#data) {
      const header = Buffer.allocUnsafe(5);
      header[0] = COPY_DATA;
      header.writeInt32BE(piece.length + 4, 1);
      stream.write(header);
      stream.write(piece);
    }
    stream.write(COPY_DONE);
  }

  handleCommandComplete(message: { text: string }): void {
    const [command = '', rows] = message.text.split(' ');
    this.#command = command;
    if (command === 'COPY') this.#rows = Number(rows);
  }

  handleReadyForQuery(): void {
    this.#resolve({ rows: this.#rows, command: this.#command });
  }

  handleError(error: Error): void {
    this.#reject(error);
  }

  /** Rows of a statement before the COPY; nobody asked for them. */
  handleRowDescription(): void {}
  handleDataRow(): void {}
}
