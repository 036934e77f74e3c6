/** An application that logs while it does other work. */
import winston from 'winston';
import { LoghiveTransport } from '../dist/esm/transports/winston.js';

const [options] = process.argv.slice(2);
const logger = winston.createLogger({ transports: [new LoghiveTransport(JSON.parse(options))] });
let worked = 0;
const work = setInterval(() => {
  logger.info(`record ${worked}`);
  worked++;
  if (worked === 5) console.log('it works');
}, 10);
process.on('message', () => {
  clearInterval(work);
  process.disconnect();
});
