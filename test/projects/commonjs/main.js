const { LoghiveTransport } = require('loghive/winston');
const winston = require('winston');

const transport = new LoghiveTransport();
const logger = winston.createLogger({ level: 'silly', transports: [transport] });
const levels = ['error', 'warn', 'info', 'http', 'debug'];

for (let order = 0; order < 100; order++) logger.log(levels[order % 5], 'order placed', { order });

logger.on('finish', () => console.log(JSON.stringify(transport.stats())));
logger.end();
