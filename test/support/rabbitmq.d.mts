/** Each a PEM text or the path of a PEM file. */
export interface ServerTls {
  ca: string;
  cert: string;
  key: string;
  /** Clients must present a certificate issued by `ca`; default false. */
  verifyPeer?: boolean;
}

/** The location of a server's programs. */
export interface RabbitmqInstallation {
  /** The folder with rabbitmq-server and rabbitmqctl. */
  scripts: string;
  /** The folder with the Erlang that they need, prepended to the PATH. */
  programs?: string;
}

/** Settings of a cluster node; see startRabbitmqCluster(). */
export interface RabbitmqMembership {
  /** Its node name: 'one@localhost'. */
  node: string;
  /** The names of the nodes that exist at its first start, and its own. */
  nodes: readonly string[];
  /** The shared secret (Erlang cookie). */
  cookie: string;
  /** epmd port of another node, whose epmd knows the ports of all; default: its own epmd. */
  epmdPort?: number;
}

export interface RabbitmqOptions {
  /** Default: the installed server. */
  installation?: RabbitmqInstallation;
  /** Folder for data, logs and configuration; it is kept. Default: a new temporary folder, which stop() removes. */
  dir?: string;
  /** AMQP port; default a free one. */
  port?: number;
  tls?: ServerTls;
  /** Lines of rabbitmq.conf. */
  extraConf?: string;
  /** For example ['rabbitmq_management'] (starts 1 s slower; not needed by these tests). */
  plugins?: string[];
  /** At its first start, it joins these nodes if one of them is running. */
  cluster?: RabbitmqMembership;
}

/** Plain data with which any process on this machine can administer the node by administer(description). */
export interface RabbitmqDescription {
  /** amqp://guest:guest@127.0.0.1:PORT, vhost "/". */
  url: string;
  host: string;
  port: number;
  tlsUrl?: string;
  tlsPort?: number;
  version: string;
  controlHost?: string;
  controlPort: number;
  controlSecret: string;
}

export interface Permissions {
  /** Regular expressions in RabbitMQ's format; default '.*', '' allows nothing. */
  configure?: string | undefined;
  write?: string | undefined;
  read?: string | undefined;
}

export interface QueueInfo {
  name: string;
  type: 'classic' | 'quorum' | 'stream';
  durable: boolean;
  /** ready + unacked; current for quorum queues as well. */
  messages: number;
  ready: number;
  unacked: number;
  consumers: number;
  arguments: Record<string, unknown>;
}

/** Calls take milliseconds, because they use a control socket in the node instead of rabbitmqctl. */
export interface RabbitmqAdmin {
  /** Evaluates Erlang expressions in the node. Returns the last value as text (a binary unchanged). */
  eval(erlang: string, timeoutMs?: number): Promise<string>;
  /** The broker's URL for a vhost; default user: guest. */
  vhostUrl(vhost: string, as?: { user?: string; password?: string }): string;
  /** Adds a vhost with access for guest and returns its URL. */
  addVhost(name: string): Promise<string>;
  deleteVhost(name: string): Promise<void>;
  /** Returns the URL that logs in as this user. */
  addUser(name: string, password: string, options?: { vhost?: string; tags?: string[] } & Permissions): Promise<string>;
  deleteUser(name: string): Promise<void>;
  setPermissions(user: string, vhost: string, permissions?: Permissions): Promise<void>;
  /**
   * Writes the node's in-memory queue metadata to disk. A quorum queue declared less than a second before a SIGKILL is
   * lost, with all its confirmed messages (RabbitMQ writes Raft's directory every 500 ms).
   */
  sync(): Promise<void>;
  /**
   * Below 1 a fraction of the memory, otherwise bytes: setVmWatermark(1) blocks all publishing connections; without an
   * argument, resets to 0.4.
   */
  setVmWatermark(watermark?: number): Promise<void>;
  /**
   * Applies to new channels and queues, which then check it twice a second. Usually it is 30 minutes, checked once a
   * minute.
   */
  setConsumerTimeout(ms: number): Promise<void>;
  enableFeatureFlag(name: string): Promise<void>;
  featureFlags(): Promise<string[]>;
  /** Closes connections with 320 CONNECTION_FORCED. Returns their number. */
  closeConnections(which?: { vhost?: string; user?: string; reason?: string }): Promise<number>;
  listConnections(which?: {
    vhost?: string;
  }): Promise<{ name: string; vhost: string; user: string; state: string; channels: number; ssl: boolean }[]>;
  listQueues(vhost?: string): Promise<QueueInfo[]>;
  deleteQueue(name: string, vhost?: string): Promise<void>;
  /** RabbitMQ's counters cover all vhosts since its start. See MessageCounts of cli/embedded/broker for their names. */
  counters(vhost?: string): Promise<{
    redelivered: number;
    returned: number;
    unroutable: number;
    overLength: number;
    overDeliveryLimit: number;
  }>;
  setPolicy(
    name: string,
    pattern: string,
    definition: Record<string, unknown>,
    options?: { vhost?: string; applyTo?: 'queues' | 'exchanges' | 'all'; priority?: number },
  ): Promise<void>;
}

export interface RabbitmqServer extends RabbitmqAdmin {
  url: string;
  host: string;
  port: number;
  tlsUrl?: string;
  tlsPort?: number;
  version: string;
  dir: string;
  /** Port of the epmd that knows the nodes of its cluster. */
  epmdPort: number;
  management: { url: string } | undefined;
  description: RabbitmqDescription;
  /** The server's process id; undefined while it is not running. */
  readonly pid: number | undefined;
  /** Sends a signal (default SIGKILL) and waits for its exit. start() uses the same data and ports again. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts on the same data and ports. Resolves when it accepts connections. */
  start(): Promise<void>;
  restart(killSignal?: NodeJS.Signals): Promise<void>;
  /** Kills all of its processes and removes its folder. */
  stop(): Promise<void>;
  /** SIGSTOP and SIGCONT: connections stay open, but the server does not answer. */
  pause(): void | Promise<void>;
  resume(): void | Promise<void>;
  /** Runs rabbitmqctl for this node (0.4 s a call). Returns its stdout. */
  ctl(...args: string[]): Promise<string>;
  /** The logs so far. */
  log(): string | Promise<string>;
}

/**
 * Starts a private RabbitMQ node with its own name, ports, data, cookie and epmd. It is killed when this process exits,
 * even by SIGKILL. Rejects if no server is installed (requireRabbitmq() handles that), or if it does not start, with
 * its log.
 */
export function startRabbitmq(options?: RabbitmqOptions): Promise<RabbitmqServer>;
