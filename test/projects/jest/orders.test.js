const { openLogger, placeOrders } = require('./orders');

const finished = (logger) => new Promise((resolve) => logger.on('finish', resolve).end());

test('Jest loads the CommonJS build', () => {
  expect(require.resolve('loghive/winston')).toMatch(/loghive.dist.cjs/);
});

test('all records are confirmed when the logger has finished', async () => {
  const { logger, transport } = openLogger();
  placeOrders(logger, 0, 40);
  await finished(logger);
  expect(transport.stats()).toMatchObject({ accepted: 40, confirmed: 40, pending: 0 });
});

test('modules that Jest loads again also log', async () => {
  jest.resetModules();
  const again = require('./orders');
  expect(again.openLogger).not.toBe(openLogger);
  const { logger, transport } = again.openLogger();
  again.placeOrders(logger, 40, 80);
  await finished(logger);
  expect(transport.stats()).toMatchObject({ accepted: 40, confirmed: 40, pending: 0 });
});

test('an open logger does not prevent Jest from ending', async () => {
  const { logger, transport } = openLogger();
  placeOrders(logger, 80, 100);
  await transport.flush();
  expect(transport.stats().pending).toBe(0);
});
