import type { RabbitmqOptions, RabbitmqServer } from './rabbitmq.mjs';

export interface RabbitmqCluster {
  /** Each can be killed, stopped in order and started again by itself. */
  members: readonly [RabbitmqServer, RabbitmqServer, RabbitmqServer];
  version: string;
  /** One that can be asked and administered: the first that is running. */
  running(): RabbitmqServer;
  /** Adds a vhost that guest may use, and gives a URL with the hosts of all three. */
  addVhost(name: string): Promise<string>;
  /** The member that leads a quorum queue; undefined while none does. */
  leaderOf(queue: string, vhost: string): Promise<RabbitmqServer | undefined>;
  /** Whether each quorum queue of a vhost runs on all three. */
  isWhole(vhost: string): Promise<boolean>;
  listQueues(vhost: string): ReturnType<RabbitmqServer['listQueues']>;
  deleteVhost(vhost: string): Promise<void>;
  /** As the members count them that run, since each was started. */
  counters(): ReturnType<RabbitmqServer['counters']>;
  /** Kills all that belongs to it. */
  stop(): Promise<void>;
}

/**
 * Starts three nodes on loopback that are one broker. They die with this process, SIGKILL included.
 * `version`: one of requireRabbitmqOf(); default what is installed, or can be. A container engine will not do.
 */
export function startRabbitmqCluster(
  options?: Omit<RabbitmqOptions, 'dir' | 'port' | 'cluster'> & { version?: string },
): Promise<RabbitmqCluster>;
