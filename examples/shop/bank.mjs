/** A simulated bank: it declines some cards, and does not answer for others. */
export class Declined extends Error {
  name = 'Declined';
}

/** @throws Declined, or an error whose cause is the bank's failure. */
export function charge(card, cents) {
  if (card === undefined) throw new Declined('no card was given');
  if (card.endsWith('0')) throw new Declined(`the bank declined ${cents / 100} EUR`);
  if (card.endsWith('7')) {
    throw new Error('the bank does not answer', { cause: new Error('503 Service Unavailable') });
  }
  return `receipt-${card}-${cents}`;
}
