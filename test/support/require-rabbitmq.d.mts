import type { RabbitmqOptions, RabbitmqServer } from './rabbitmq.mjs';

/**
 * Starts a private RabbitMQ node from the installed server; otherwise in a container, if a Docker engine is available;
 * otherwise, as root on Debian, after installing rabbitmq-server (reported on stderr; LOGHIVE_TEST_INSTALL=0 disables
 * it). Rejects with one line on what to install if none of these is possible: a missing server never leads to skipped
 * tests.
 */
export function requireRabbitmq(options?: RabbitmqOptions): Promise<RabbitmqServer>;
