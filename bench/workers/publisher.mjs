/** Loghive in `publish`: encoded lines through its publisher. Also fills the queues for `drain`. */
import { producerConfig } from '../../dist/esm/src/producer-config.js';
import { Publisher } from '../../dist/esm/src/publisher/publisher.js';
import { encodedLines, mixedLevel, SERVICE } from '../records.mjs';
import { checkConfirmed, feed } from './feed.mjs';
import { serve, timed } from './serve.mjs';

const levelOf = process.argv[2] === 'mixed' ? mixedLevel : () => 'INFO';
const publisher = new Publisher(producerConfig('bench', { service: SERVICE }));
const stats = () => publisher.stats();
let lines = [];

serve(async (records) => {
  if (lines.length !== records) lines = encodedLines(records, levelOf);
  const levels = lines.map((_, n) => levelOf(n));
  const { confirmed } = stats();
  const seconds = await timed(async () => {
    await feed(records, (n) => publisher.accept(SERVICE, levels[n], lines[n]), stats);
    await publisher.flush();
  });
  checkConfirmed(stats(), confirmed, records);
  return { seconds };
});
