import type { BrokerOptions } from '../../cli/embedded/broker/index.js';
import type { RabbitmqServer } from './rabbitmq.mjs';

type Same =
  | 'url'
  | 'host'
  | 'port'
  | 'version'
  | 'pid'
  | 'addVhost'
  | 'deleteVhost'
  | 'listQueues'
  | 'deleteQueue'
  | 'counters'
  | 'closeConnections'
  | 'listConnections'
  | 'setVmWatermark'
  | 'pause'
  | 'resume'
  | 'stop';

/**
 * The administration that RabbitMQ test servers also have. But `closeConnections` and `listConnections` cannot select
 * connections, and it cannot be killed and restarted, because nothing would be left in it.
 */
export interface DevelopmentBrokerProcess extends Pick<RabbitmqServer, Same> {
  product: 'development broker';
}

/** Starts it in a process of its own, which exits with this one, even on SIGKILL. */
export function startDevelopmentBroker(options?: BrokerOptions): Promise<DevelopmentBrokerProcess>;
