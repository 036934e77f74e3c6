const { LoghiveTransport } = require('loghive/winston');
const winston = require('winston');

/** The application's logger in its own module, as applications usually have it. */
function openLogger() {
  const transport = new LoghiveTransport();
  return { transport, logger: winston.createLogger({ level: 'silly', transports: [transport] }) };
}

function placeOrders(logger, first, end) {
  const levels = ['error', 'warn', 'info', 'http', 'debug'];
  for (let order = first; order < end; order++) logger.log(levels[order % 5], 'order placed', { order });
}

module.exports = { openLogger, placeOrders };
