export interface PgbouncerOptions {
  /** URL of a PostgreSQL's superuser, as startPostgres() gives it: that login is known, and may use the console. */
  target: string;
  /** Of the section [pgbouncer] of its file, over the defaults of these tests: pool_mode transaction, server_login_retry 0.1. */
  settings?: Record<string, string | number>;
}

export interface PgbouncerServer {
  port: number;
  dir: string;
  /** The same database and login through the pooler. */
  url(databaseUrl: string): string;
  /** A command of its console, as `show servers`, `kill`, `reconnect`. */
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever the command shows
  admin<Row = any>(command: string): Promise<Row[]>;
  /** Lets another role through; its password is that of the server behind it. */
  addLogin(name: string, password: string): Promise<void>;
  /** Undefined while it is not running. */
  readonly pid: number | undefined;
  /** Signals it (default SIGKILL) and waits until it is gone. The port stays for start(). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  restart(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
  log(): string;
}

/**
 * The program of this machine; else, as root on Debian, after installing pgbouncer (said on stderr;
 * LOGHIVE_TEST_INSTALL=0 forbids it). Throws with one line on what to install where that is not possible: a missing
 * server never turns into skipped tests.
 */
export function requirePgbouncer(): string;

/** Starts a private PgBouncer on a free port; as root it runs as nobody. It dies with this process, SIGKILL included. */
export function startPgbouncer(options: PgbouncerOptions): Promise<PgbouncerServer>;
