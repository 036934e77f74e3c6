/** The shop's logger: ordinary Winston. Loghive only adds the second transport. */
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';

const { combine, colorize, printf } = winston.format;

const forPeople = combine(
  colorize(),
  printf(({ level, message, requestId }) => `${level} ${message} (request ${requestId ?? '-'})`),
);

export const logger = winston.createLogger({
  level: 'debug',
  defaultMeta: { version: '1.4.0' },
  transports: [
    new winston.transports.Console({ format: forPeople, silent: process.env.SHOP_CONSOLE === 'off' }),
    // LOGHIVE_URL is the broker's address; default amqp://guest:guest@localhost:5672/.
    new LoghiveTransport({ service: 'shop' }),
  ],
});
