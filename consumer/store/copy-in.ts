/**
 * COPY … FROM STDIN over a `pg.Client`, for data that is available synchronously.
 *
 * Not `pg-copy-streams` (7.0.0): if the server refuses a row while the socket buffer is full, its writable loses its
 * connection and then throws from a `drain` listener, where the error cannot be caught.
 */
import type pg from 'pg';

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

export interface CopyResult {
  /** Rows that the server stored. */
  readonly rows: number;
  /** Command tag of the last statement, such as 'COMMIT'. */
  readonly command: string;
}

/**
 * @param statement contains one COPY. Statements around it (`begin; copy …; commit`) run in the same round trip.
 * @returns a promise that rejects with the server or socket error.
 */
export function copyIn(client: pg.Client, statement: string, data: Iterable<Buffer>): Promise<CopyResult> {
  return new Promise((resolve, reject) => {
    client.query(new CopyIn(statement, data, resolve, reject));
  });
}

/** A custom query object for `pg`, see `pg.Submittable`. */
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

  /** Not corked: the kernel sends one piece while the next is being created. */
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

  /** Rows of other statements are ignored. */
  handleRowDescription(): void {}
  handleDataRow(): void {}
}
