/** Loghive in `publish-winston`: `logger.info` of an ordinary Winston logger with LoghiveTransport. */
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';
import { informationOf, MESSAGE, SERVICE } from '../records.mjs';
import { checkConfirmed, feed } from './feed.mjs';
import { serve, timed } from './serve.mjs';

const transport = new LoghiveTransport({ service: SERVICE });
const logger = winston.createLogger({ transports: [transport] });
const stats = () => transport.stats();

serve(async (records) => {
  const information = Array.from({ length: records }, (_, n) => informationOf(n));
  const { confirmed } = stats();
  const seconds = await timed(async () => {
    await feed(records, (n) => logger.info(MESSAGE, information[n]), stats);
    await transport.flush();
  });
  checkConfirmed(stats(), confirmed, records);
  return { seconds };
});
