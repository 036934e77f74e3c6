/**
 * A development broker in a process of its own, which exits with its parent. argv: its options as JSON. Its first
 * message is its address; then each { id, call, args } is answered by { id, value } or { id, error }.
 */
import { startDevelopmentBroker } from '../../dist/esm/cli/embedded/broker/index.js';

process.once('disconnect', () => process.exit(0));
// Ctrl-C is sent to the whole process group. The parent ends this process after everything else has ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

const broker = await startDevelopmentBroker(JSON.parse(process.argv[2]));
process.on('message', async ({ id, call, args }) => {
  try {
    process.send({ id, value: await broker[call](...args) });
  } catch (error) {
    process.send({ id, error: error.message });
  }
});
const { host, port, url, version } = broker;
process.send({ host, port, url, version });
