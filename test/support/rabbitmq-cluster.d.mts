import type { RabbitmqOptions, RabbitmqServer } from './rabbitmq.mjs';

export interface RabbitmqCluster {
  /** The nodes. Each can be killed, stopped and restarted independently. */
  members: readonly [RabbitmqServer, RabbitmqServer, RabbitmqServer];
  version: string;
  /** The node for administration: the first that is running. */
  running(): RabbitmqServer;
  /** Adds a vhost with access for guest, and returns a URL with all three hosts. */
  addVhost(name: string): Promise<string>;
  /** The member that leads a quorum queue; undefined while there is no leader. */
  leaderOf(queue: string, vhost: string): Promise<RabbitmqServer | undefined>;
  /** Whether every quorum queue of a vhost runs on all three nodes. */
  isWhole(vhost: string): Promise<boolean>;
  listQueues(vhost: string): ReturnType<RabbitmqServer['listQueues']>;
  deleteVhost(vhost: string): Promise<void>;
  /** The sum of the running members' counters, each since its start. */
  counters(): ReturnType<RabbitmqServer['counters']>;
  /** Kills all of its processes. */
  stop(): Promise<void>;
}

/**
 * Starts a cluster of three nodes on loopback. They are killed when this process exits, even by SIGKILL. `version`: one
 * of requireRabbitmqOf(); default: the installed version, or one that can be installed. Containers are not supported.
 */
export function startRabbitmqCluster(
  options?: Omit<RabbitmqOptions, 'dir' | 'port' | 'cluster'> & { version?: string },
): Promise<RabbitmqCluster>;
