/** What both applications do. They differ in how they load the integrations. */
module.exports = function run({ LoggerClient, LoghiveTransport, loghivePino, patchConsole, pino, winston }) {
  const client = new LoggerClient();
  const viaWinston = winston.createLogger({ transports: [new LoghiveTransport()] });
  const viaPino = pino(loghivePino());
  patchConsole();

  client.info('by LoggerClient');
  viaWinston.info('by Winston');
  viaPino.info('by Pino');
  console.info('by the console');

  const ends = {
    'the end of the script': () => {},
    'process.exit()': () => process.exit(3),
    'an uncaught exception': () => {
      throw new Error('nobody catches this');
    },
  };
  // Later, when the connection is open, as in an application that has run for a while.
  setTimeout(() => {
    viaWinston.error('the last words');
    ends[process.env.APP_ENDS_BY]();
  }, 500);
};
