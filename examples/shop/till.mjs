/** The till: a second service, which charges cards for the shop. It logs with Pino. Run: `node examples/shop/till.mjs` */
import { once } from 'node:events';
import http from 'node:http';
import { json } from 'node:stream/consumers';
import { loghivePino } from 'loghive/pino';
import pino from 'pino';
import { charge, Declined } from './bank.mjs';
import { receiptHooks } from './receipts.mjs';

const version = process.env.TILL_VERSION ?? '2.0.0';

const stream = loghivePino({ service: 'till' });
const hooks = process.env.SHOP_RECEIPTS ? receiptHooks(process.env.SHOP_RECEIPTS) : {};
const logger = pino({ base: { version }, hooks }, stream);

/** New in 2.1.0: a limit for each bank. There is a mistake in it: one bank has none. */
const LIMITS = Object.fromEntries(
  ['0', '1', '2', '4', '5', '6', '7', '8', '9'].map((bank) => [bank, { cents: 50_000 }]),
);

function checkLimit(card, cents) {
  const limit = LIMITS[card.at(-1)];
  if (cents > limit.cents) throw new Declined('the limit of this card is reached');
}

function answer({ card, cents }, log) {
  log.info({ cents }, 'charging the card');
  try {
    if (version !== '2.0.0') checkLimit(card, cents);
    const receipt = charge(card, cents);
    log.info({ receiptNumber: receipt }, 'card charged');
    return { status: 200, body: { receipt } };
  } catch (error) {
    if (error instanceof Declined) {
      log.info({ reason: error.message }, 'card declined');
      return { status: 402, body: { error: error.message } };
    }
    log.error({ err: error }, 'charge failed');
    const isExpected = error.cause !== undefined;
    return isExpected
      ? { status: 502, body: { error: error.message } }
      : { status: 500, body: { error: 'internal error' } };
  }
}

const server = http.createServer(async (request, response) => {
  // The shop's id of the request, in the field that Fastify uses.
  const log = logger.child({ reqId: request.headers['x-request-id'] });
  const { status, body } = answer(await json(request), log);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});

server.listen(Number(process.env.PORT ?? 8081), '127.0.0.1', () => {
  logger.info(`till ${version} is open`);
  process.stdout.write(`till on http://127.0.0.1:${server.address().port}\n`);
});

// As in the shop: finish open requests, then everything that was logged is confirmed.
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    logger.info(`${signal}: closing`);
    server.close();
    await once(server, 'close');
    await stream.close();
    process.exit(0);
  });
}
