/** Records of one service are stored in time, whatever another one sends. */
import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { onEnd } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';
import { eventually } from '../support/wait.mjs';

const FRAMES = 20;
const PER_FRAME = 100;

test('a record does not wait for thousands of refused records of another service, each of which becomes one dead letter', async () => {
  const { broker, database, consumer, service } = await useStack(2, { retryDelaysMs: [] });
  const [bad, good] = [service(), service()];
  await database.query(`create function logs.refuse() returns trigger language plpgsql as $$
    begin if new.service = '${bad}' then raise exception 'no' using errcode = '22023'; end if; return new; end $$`);
  await database.query(
    'create trigger refuse before insert on logs.records for each row execute function logs.refuse()',
  );
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const send = (of: string, records: number) => {
    const lines = Array.from({ length: records }, (_, n) =>
      JSON.stringify({
        id: randomUUID(),
        service: of,
        level: 'ERROR',
        message: `${n}`,
        timestamp: new Date().toISOString(),
      }),
    );
    channel.publish('logs_exchange', `${of}.error`, Buffer.from(lines.join('\n')), {
      contentType: 'application/x-ndjson',
    });
  };
  const count = async (table: string) => (await database.query(`select count(*)::int as n from logs.${table}`))[0].n;

  for (let n = 0; n < FRAMES; n++) send(bad, PER_FRAME);
  await eventually(async () => (await count('dead_letters')) > 0);
  send(good, 1);
  await eventually(async () => (await count('dead_letters')) === FRAMES * PER_FRAME, { withinMs: 15_000 });
  const [{ earlier, seen }] = await database.query(
    `select (select xmin::text::bigint from logs.records) < max(xmin::text::bigint) as earlier, max(seen) as seen
     from logs.dead_letters`,
  );
  expect({ earlier, seen }).toEqual({ earlier: true, seen: 1 });
  expect(consumer.status().counts).toMatchObject({ stored: 1, pauses: 0, deadLetters: FRAMES * PER_FRAME });
});
