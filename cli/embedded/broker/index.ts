/** Public entry of the development broker. */

export { type ConnectionInfo, type DevelopmentBroker, type QueueInfo, startDevelopmentBroker } from './broker.js';
export type { BrokerOptions } from './broker-options.js';
export type { MessageCounts } from './queues/message.js';
