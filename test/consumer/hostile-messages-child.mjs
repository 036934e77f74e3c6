/** Parses each hostile message and prints the outcome, one line of JSON each. The test limits its memory. */
import { deliveryOf } from '../../dist/esm/consumer/delivery.js';
import { parseDelivery } from '../../dist/esm/consumer/parse-delivery.js';
import { recordId } from '../../dist/esm/consumer/parse-record.js';
import { LocalOffsets } from '../../dist/esm/src/time/local-offset.js';
import { hostileMessages } from './hostile-messages.mjs';

const context = { newId: recordId, localOffsets: new LocalOffsets(() => {}) };

for (const [name, [properties, body]] of Object.entries(hostileMessages)) {
  const content = body();
  const message = { content, properties, fields: { deliveryTag: 1, routingKey: 'shop.info' } };
  const { items, letters } = parseDelivery(deliveryOf('shop_info_logs', message), context);
  process.stdout.write(`${JSON.stringify({ name, outcome: [items.length, letters.length] })}\n`);
}
