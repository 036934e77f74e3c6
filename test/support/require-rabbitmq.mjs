import { findRabbitmq } from './find-rabbitmq.mjs';
import { installPackage, whyNotInstall } from './install-package.mjs';
import { startRabbitmq } from './rabbitmq.mjs';
import { hasContainerEngine, startRabbitmqContainer } from './rabbitmq-container.mjs';

/** Starts a RabbitMQ node from any available source; see require-rabbitmq.d.mts. */
export async function requireRabbitmq(options = {}) {
  if (findRabbitmq() !== undefined) return startRabbitmq(options);
  if (await hasContainerEngine()) return startRabbitmqContainer(options);
  const obstacle = whyNotInstall();
  if (obstacle !== undefined) {
    throw new Error(
      `the tests need a RabbitMQ server (3.10 or newer) and found none: no server in RABBITMQ_HOME, in ` +
        `/usr/lib/rabbitmq or on the PATH, no Docker engine, and ${obstacle}. ` +
        'Install it (Debian, Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq) or start Docker.',
    );
  }
  installPackage('rabbitmq-server');
  if (findRabbitmq() === undefined) {
    throw new Error('apt-get installed rabbitmq-server, but /usr/lib/rabbitmq contains no server: set RABBITMQ_HOME');
  }
  return startRabbitmq(options);
}
