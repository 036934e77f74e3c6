const { LoghiveTransport } = require('loghive/winston');
const winston = require('winston');

/** What an application would have: its logger in a module of its own. */
function openLogger() {
  const transport = new LoghiveTransport();
  return { transport, logger: winston.createLogger({ level: 'silly', transports: [transport] }) };
}

function placeOrders(logger, first, end) {
  const levels = ['error', 'warn', 'info', 'http', 'debug'];
  for (let order = first; order < end; order++) logger.log(levels[order % 5], 'order placed', { order });
}

module.exports = { openLogger, placeOrders };
