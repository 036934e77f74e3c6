/** The shop's logger: ordinary Winston. The second transport is all that Loghive adds. */
import { LoghiveTransport } from 'loghive/winston';
import winston from 'winston';

const { combine, colorize, printf } = winston.format;

const forPeople = combine(
  colorize(),
  printf(({ level, message, request }) => `${level} ${message} (request ${request ?? '-'})`),
);

export const logger = winston.createLogger({
  level: 'debug',
  defaultMeta: { version: '1.4.0' },
  transports: [
    new winston.transports.Console({ format: forPeople, silent: process.env.SHOP_CONSOLE === 'off' }),
    // The broker's address is in LOGHIVE_URL; without it amqp://guest:guest@localhost:5672/ is used.
    new LoghiveTransport({ service: 'shop' }),
  ],
});
