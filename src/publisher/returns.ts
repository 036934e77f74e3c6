/** That the broker is there again is news only where it was said that it is away. */
import type { Outlet } from '../amqp/outlet.js';
import { internalLogger } from '../internal-logger.js';
import { counted } from '../sentence.js';
import { hostAndPort } from '../settings/broker-url.js';

/** @param pending how many records wait. */
export function tellReturns({ events, connection }: Outlet, pending: () => number): void {
  let toldAway = false;
  const away = () => {
    toldAway = true;
  };
  events.on('lost', away);
  connection.events.on('failed', away);
  events.on('open', ({ host, serverProduct }, afresh) => {
    if (!afresh) return;
    const waiting = pending();
    const sent = waiting === 0 ? '' : `; ${counted(waiting, 'waiting record is', 'waiting records are')} sent`;
    if (toldAway) internalLogger.info(`connected to ${serverProduct} again${sent} (${hostAndPort(host)})`);
    toldAway = false;
  });
}
