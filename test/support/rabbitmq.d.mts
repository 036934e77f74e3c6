/** PEM text or the path of a PEM file, each. */
export interface ServerTls {
  ca: string;
  cert: string;
  key: string;
  /** Clients must show a certificate of `ca`; default false. */
  verifyPeer?: boolean;
}

/** Where a server's programs are. */
export interface RabbitmqInstallation {
  /** The folder of rabbitmq-server and rabbitmqctl. */
  scripts: string;
  /** The folder of the Erlang that they need, before all others of the PATH. */
  programs?: string;
}

/** Of one node of several; see startRabbitmqCluster(). */
export interface RabbitmqMembership {
  /** Its own name: 'one@localhost'. */
  node: string;
  /** The names of those that are there when it starts for the first time, and its own. */
  nodes: readonly string[];
  /** The secret that they share. */
  cookie: string;
  /** Of another node, whose epmd knows their ports; default: of this node's own. */
  epmdPort?: number;
}

export interface RabbitmqOptions {
  /** Default: what is found on this machine. */
  installation?: RabbitmqInstallation;
  /** Data, logs and configuration; it is kept. Default: a new folder of the system's temporary one, removed by stop(). */
  dir?: string;
  /** AMQP port; default a free one. */
  port?: number;
  tls?: ServerTls;
  /** Lines of rabbitmq.conf. */
  extraConf?: string;
  /** For example ['rabbitmq_management'] (boot 1 s slower; nothing here needs it). */
  plugins?: string[];
  /** It joins these nodes where it finds one when it starts for the first time. */
  cluster?: RabbitmqMembership;
}

/** Plain data with which any process on this machine can administer the node: administer(description). */
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
  /** Regular expressions as RabbitMQ takes them; default '.*', '' allows nothing. */
  configure?: string | undefined;
  write?: string | undefined;
  read?: string | undefined;
}

export interface QueueInfo {
  name: string;
  type: 'classic' | 'quorum' | 'stream';
  durable: boolean;
  /** ready + unacked, of this moment for quorum queues as well. */
  messages: number;
  ready: number;
  unacked: number;
  consumers: number;
  arguments: Record<string, unknown>;
}

/** Every call takes milliseconds: it goes through a control socket in the node, not through rabbitmqctl. */
export interface RabbitmqAdmin {
  /** Evaluates Erlang expressions in the node; gives the last one's value as text (a binary as it is). */
  eval(erlang: string, timeoutMs?: number): Promise<string>;
  /** The broker's URL for a vhost, as guest unless said otherwise. */
  vhostUrl(vhost: string, as?: { user?: string; password?: string }): string;
  /** Adds a vhost that guest may use and gives its URL. */
  addVhost(name: string): Promise<string>;
  deleteVhost(name: string): Promise<void>;
  /** Gives the URL that logs in as this user. */
  addUser(name: string, password: string, options?: { vhost?: string; tags?: string[] } & Permissions): Promise<string>;
  deleteUser(name: string): Promise<void>;
  setPermissions(user: string, vhost: string, permissions?: Permissions): Promise<void>;
  /**
   * Writes out what the node keeps in memory about its queues. A quorum queue declared less than a second before a
   * SIGKILL is dead afterwards, with all its confirmed messages (RabbitMQ writes Raft's directory every 500 ms).
   */
  sync(): Promise<void>;
  /** Below 1 a share of the memory, else bytes: setVmWatermark(1) blocks all publishing connections; none: back to 0.4. */
  setVmWatermark(watermark?: number): Promise<void>;
  /** For channels and queues that are not there yet, which look twice a second then; usually it is 30 minutes and they look once a minute. */
  setConsumerTimeout(ms: number): Promise<void>;
  enableFeatureFlag(name: string): Promise<void>;
  featureFlags(): Promise<string[]>;
  /** Closes connections with 320 CONNECTION_FORCED; gives how many. */
  closeConnections(which?: { vhost?: string; user?: string; reason?: string }): Promise<number>;
  listConnections(which?: {
    vhost?: string;
  }): Promise<{ name: string; vhost: string; user: string; state: string; channels: number; ssl: boolean }[]>;
  listQueues(vhost?: string): Promise<QueueInfo[]>;
  deleteQueue(name: string, vhost?: string): Promise<void>;
  /** RabbitMQ's are of all vhosts, since it started; see MessageCounts of cli/embedded/broker, whose names these are. */
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
  /** Where the names of its cluster are known. */
  epmdPort: number;
  management: { url: string } | undefined;
  description: RabbitmqDescription;
  /** Of the server's process; undefined while it is not running. */
  readonly pid: number | undefined;
  /** Signals the server (default SIGKILL) and waits until it is gone. Data and ports stay for start(). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Again on the same data and ports; resolves when connections are taken. */
  start(): Promise<void>;
  restart(killSignal?: NodeJS.Signals): Promise<void>;
  /** Kills all that belongs to it and removes its folder. */
  stop(): Promise<void>;
  /** SIGSTOP and SIGCONT: connections stay open and nothing answers. */
  pause(): void | Promise<void>;
  resume(): void | Promise<void>;
  /** rabbitmqctl against this node (0.4 s a call); gives its stdout. */
  ctl(...args: string[]): Promise<string>;
  /** The logs so far. */
  log(): string | Promise<string>;
}

/**
 * Starts a private RabbitMQ node: own name, ports, data, cookie and epmd. It dies with this process, SIGKILL included.
 * Rejects where no server is installed (requireRabbitmq() sees to that) or when it does not come up, with its log.
 */
export function startRabbitmq(options?: RabbitmqOptions): Promise<RabbitmqServer>;
