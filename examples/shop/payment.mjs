/** The shop's side of a payment: it asks the till, over HTTP, and passes on the id of the request. */
import { setTimeout as pause } from 'node:timers/promises';
import { Declined } from './bank.mjs';

const TILL = process.env.TILL_URL ?? 'http://127.0.0.1:8081';
/** While the till is restarted. */
const ATTEMPTS = 40;
const PAUSE_MS = 250;

/** @throws Declined, or an error that says what the till answered. */
export async function pay(card, cents, requestId, log) {
  const response = await ask({ card, cents }, requestId, log);
  const { receipt, error } = await response.json();
  if (response.status === 402) throw new Declined(error);
  if (!response.ok) throw new Error(`the till answered ${response.status}: ${error}`);
  return receipt;
}

async function ask(body, requestId, log) {
  for (let attempt = 1; ; attempt++) {
    try {
      const headers = { 'content-type': 'application/json', 'x-request-id': requestId };
      return await fetch(`${TILL}/charges`, { method: 'POST', headers, body: JSON.stringify(body) });
    } catch (error) {
      if (attempt === ATTEMPTS) throw new Error('the till cannot be reached', { cause: error });
      log.warn('the till cannot be reached, trying again', { attempt });
      await pause(PAUSE_MS);
    }
  }
}
