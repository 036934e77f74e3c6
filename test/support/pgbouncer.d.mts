export interface PgbouncerOptions {
  /**
   * URL of a PostgreSQL superuser, as returned by startPostgres(). This login is known to PgBouncer and may use its
   * console.
   */
  target: string;
  /**
   * Settings of the section [pgbouncer], overriding the defaults of these tests: pool_mode transaction,
   * server_login_retry 0.1.
   */
  settings?: Record<string, string | number>;
}

export interface PgbouncerServer {
  port: number;
  dir: string;
  /** The URL of the same database and login through the pooler. */
  url(databaseUrl: string): string;
  /** Runs a console command, such as `show servers`, `kill`, `reconnect`. */
  // biome-ignore lint/suspicious/noExplicitAny: the columns depend on the command
  admin<Row = any>(command: string): Promise<Row[]>;
  /** Adds the login of another role; its password is the one of the server. */
  addLogin(name: string, password: string): Promise<void>;
  /** Undefined while it is not running. */
  readonly pid: number | undefined;
  /** Sends a signal (default SIGKILL) and waits for its exit. start() uses the same port again. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  restart(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
  log(): string;
}

/**
 * The installed program; otherwise, as root on Debian, installs pgbouncer (reported on stderr; LOGHIVE_TEST_INSTALL=0
 * disables it). Throws with one line on what to install if that is not possible: a missing server never leads to
 * skipped tests.
 */
export function requirePgbouncer(): string;

/**
 * Starts a private PgBouncer on a free port; as root it runs as nobody. It is killed when this process exits, even by
 * SIGKILL.
 */
export function startPgbouncer(options: PgbouncerOptions): Promise<PgbouncerServer>;
