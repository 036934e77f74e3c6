// Logs through the import and the require copy in one process, until the parent sends a message.
import { createRequire } from 'node:module';
import ImportedDefault, { LoghiveTransport as Imported } from 'loghive/winston';
import winston from 'winston';

const required = createRequire(import.meta.url)('loghive/winston');
const transports = [new Imported(), new required.LoghiveTransport()];
for (const [from, transport] of transports.entries()) {
  winston.createLogger({ transports: [transport] }).info('hello', { from });
}
await Promise.all(transports.map((transport) => transport.flush()));

process.send({
  sameDefault: ImportedDefault === Imported && required.default === required.LoghiveTransport,
  twoCopies: Imported !== required.LoghiveTransport,
  accepted: transports.map((transport) => transport.stats().accepted),
});
process.once('message', async () => {
  // Closing the first one must not close the connection of the other one.
  await transports[0].close();
  transports[1].log({ level: 'info', message: 'still there' }, () => {});
  const { confirmed, spooled, unsent } = await transports[1].close();
  process.send({ confirmed, spooled, unsent });
  process.disconnect();
});
