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
 * What tests do to it, as to RabbitMQ; but `closeConnections` and `listConnections` know no choice, and a `kill()` that
 * is followed by `start()` there is none: nothing would be left in it.
 */
export interface DevelopmentBrokerProcess extends Pick<RabbitmqServer, Same> {
  product: 'development broker';
}

/** In a process of its own, which dies with this one, SIGKILL included. */
export function startDevelopmentBroker(options?: BrokerOptions): Promise<DevelopmentBrokerProcess>;
