/** The development broker in a process of its own, like RabbitMQ. Its first message is its URL. */
import { startDevelopmentBroker } from '../../dist/esm/cli/embedded/broker/index.js';

const { url } = await startDevelopmentBroker();
process.on('message', ({ end }) => end && process.exit());
process.send({ ready: true, url });
