/** The shop's responses, and what it logs. */
import { Declined } from './bank.mjs';
import { pay } from './payment.mjs';
import { putBack, search, takeOne } from './stock.mjs';

const orders = new Map();

/**
 * @param log a Winston logger, here a child logger with the request's id
 * @returns status and body of the response
 */
export async function answer({ method, url, body, requestId, log }) {
  if (method === 'GET' && url.pathname === '/products') return find(url.searchParams.get('q') ?? '', log);
  if (method === 'POST' && url.pathname === '/orders') return order(body, requestId, log);
  if (method === 'GET' && url.pathname.startsWith('/orders/')) return show(url.pathname.slice('/orders/'.length), log);
  log.warn('no such page: %s', url.pathname);
  return { status: 404, body: { error: 'no such page' } };
}

function find(words, log) {
  const found = search(words);
  log.debug('searched the products', { words, hits: found.length });
  if (found.length === 0) log.info(`nothing found for “${words}”`);
  return { status: 200, body: found };
}

async function order({ product: wanted, customer, card }, requestId, log) {
  const product = takeOne(wanted);
  if (product === undefined) {
    log.warn('sold out or unknown', { product: wanted, customer });
    return { status: 409, body: { error: 'sold out' } };
  }
  try {
    log.debug('charging the card', { customer, cents: product.priceCents });
    const receipt = await pay(card, product.priceCents, requestId, log);
    const number = 1000 + orders.size;
    orders.set(String(number), { number, product: product.id, customer });
    log.info('order placed', { order: number, product: product.id, customer, cents: product.priceCents });
    return { status: 201, body: { order: number, receipt } };
  } catch (error) {
    putBack(product);
    if (error instanceof Declined) {
      log.warn('payment declined', { customer, reason: error.message });
      return { status: 402, body: { error: error.message } };
    }
    log.error('payment failed', { customer, product: product.id, error });
    return { status: 502, body: { error: 'the payment failed, please try again' } };
  }
}

function show(number, log) {
  const found = orders.get(number);
  if (found === undefined) log.info('order %s not found', number);
  return found ? { status: 200, body: found } : { status: 404, body: { error: 'no such order' } };
}
