/** Stored errors and the mails about them, with a real PostgreSQL and a real mail server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { internalLogger } from '../../../src/internal-logger.js';
import { uuidv7 } from '../../../src/uuid.js';
import type { TcpProxy } from '../../support/proxy.mjs';
import { type MailServer, useMailServer } from '../../support/use-mail-server.js';
import { useProxy } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { item, itemList, openClient, write } from '../store/database.js';
import { useAlertLoop, useAlertStore } from './use-alerts.js';

const failed = (order: number) => ({ level: 'ERROR' as const, message: `payment of order ${order} failed` });
const subjects = ({ mails }: MailServer) => mails.map(({ subject }) => subject).sort();
const counts = ({ mails }: MailServer) =>
  mails.map(({ text }) =>
    Number((/^Count +([\d,]+)$/m.exec(text) ?? /^([\d,]+) x /m.exec(text))?.[1]?.replaceAll(',', '')),
  );

async function mailsArrive(server: MailServer, count: number): Promise<void> {
  await eventually(() => expect(server.mails.length).toBeGreaterThanOrEqual(count));
}

describe('errors', () => {
  test('10,000 equal errors cause one mail and one digest', async () => {
    const server = await useMailServer();
    const { store, database } = await useAlertStore();
    useAlertLoop(database.url, { mail: server.settings }, { policy: { digestMs: 2000 } });
    await write(store, itemList(1, failed));
    await mailsArrive(server, 1);
    for (let batch = 0; batch < 3; batch++)
      await write(
        store,
        itemList(3333, (at) => failed(batch * 3333 + at)),
      );
    await mailsArrive(server, 2);
    const [mail, digest] = server.mails;
    expect(mail?.subject).toBe('new: ERROR shop: payment of order <number> failed');
    expect(digest?.subject).toBe('Digest: 9,999 errors of 1 kind in shop');
    expect(counts(server)).toEqual([1, 9999]);
    expect(mail).toMatchObject({ to: ['ops@example.test'], secure: true, user: 'alerts@example.test' });
    expect(await database.query('select pending::int, is_new from logs.alert_groups')).toEqual([
      { pending: 0, is_new: false },
    ]);
    expect(await database.query('select count(*)::int as n from logs.alert_events')).toEqual([{ n: 0 }]);
  });

  test('of two consumers on one database cause one mail each', async () => {
    const server = await useMailServer();
    const { store, database } = await useAlertStore();
    for (let loops = 0; loops < 3; loops++) useAlertLoop(database.url, { mail: server.settings });
    const services = Array.from({ length: 8 }, (_, at) => `service-${at}`);
    for (const service of services) await write(store, [item({ ...failed(1), service })]);
    await mailsArrive(server, 8);
    await eventually(async () => {
      const [{ n }] = await database.query(
        'select count(*)::int as n from logs.alert_deliveries where sent_at is null',
      );
      expect(n).toBe(0);
    });
    expect(subjects(server)).toEqual(
      services.map((service) => `new: ERROR ${service}: payment of order <number> failed`),
    );
  });

  test('above the hourly limit go into the digest, critical and most frequent ones first', async () => {
    const server = await useMailServer();
    const { store, database } = await useAlertStore();
    const kinds = ['one', 'two', 'three', 'four'].map((word, at) =>
      itemList(at + 1, () => ({ ...failed(1), message: word })),
    );
    await write(store, [...kinds.flat(), item({ level: 'CRITICAL', message: 'fire' })]);
    useAlertLoop(database.url, { mail: server.settings }, { policy: { digestMs: 1000, maxPerHour: 2 } });
    await mailsArrive(server, 3);
    expect(subjects(server)).toEqual([
      'Digest: 6 errors of 3 kinds in shop',
      'new: CRITICAL shop: fire',
      'new: ERROR shop: four',
    ]);
    const digest = server.mails.find(({ subject }) => subject.startsWith('Digest'));
    expect(digest?.text.match(/^\d+ x .*\n.*$/gm)).toEqual([
      '3 x ERROR shop (new)\n    three',
      '2 x ERROR shop (new)\n    two',
      '1 x ERROR shop (new)\n    one',
    ]);
  });

  test('are counted once despite redeliveries, and not if they are rejected', async () => {
    const { store, database } = await useAlertStore();
    const items = itemList(10, failed);
    await write(store, items);
    await write(store, items);
    await write(store, [...items.slice(5), ...itemList(3, failed)]);
    await write(store, [item({ ...failed(1), message: '\0' }), items[0]!, item(failed(2)), item({ message: 'fine' })]);
    const counted = 'select sum(records)::int as n from logs.alert_events';
    expect(await database.query(counted)).toEqual([{ n: 14 }]);
    expect(await database.query("select count(*)::int as n from logs.records where level >= 'ERROR'")).toEqual([
      { n: 14 },
    ]);
  });

  test('that were seen within a week are not marked as new', async () => {
    const server = await useMailServer();
    const { store, database } = await useAlertStore();
    const at = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    await write(store, [
      item({ ...failed(1), timestamp: at(8) }),
      item({ ...failed(1), service: 'till', timestamp: at(6) }),
    ]);
    useAlertLoop(database.url, { mail: server.settings }, { policy: { repeatMs: 1 } });
    await mailsArrive(server, 2);
    await write(store, [item(failed(2)), item({ ...failed(2), service: 'till' })]);
    await mailsArrive(server, 4);
    expect(
      server.mails
        .slice(2)
        .map(({ subject }) => subject)
        .sort(),
    ).toEqual(['ERROR till: payment of order <number> failed', 'new: ERROR shop: payment of order <number> failed']);
  });
});

describe('a mail server', () => {
  test('that is down for a while loses no alert, and gets no mail per occurrence', async () => {
    const server = await useMailServer();
    const { store, database } = await useAlertStore();
    await server.stop();
    const { notices } = useAlertLoop(database.url, { mail: server.settings });
    await write(
      store,
      itemList(3, (at) => ({ ...failed(1), message: ['one', 'two', 'three'][at]! })),
    );
    await eventually(() =>
      expect(notices.all).toEqual([
        expect.stringMatching(
          /^alerts cannot be sent by mail: no mail could be sent through localhost:\d+: .*ECONNREFUSED.* They are stored/,
        ),
      ]),
    );
    for (let more = 0; more < 5; more++)
      await write(
        store,
        itemList(10, () => ({ ...failed(1), message: 'four' })),
      );
    await server.start();
    await mailsArrive(server, 4);
    expect(subjects(server)).toEqual(['four', 'one', 'three', 'two'].map((word) => `new: ERROR shop: ${word}`));
    expect(counts(server).sort()).toEqual([1, 1, 1, 50]);
    await eventually(() => expect(notices.all).toEqual([]));
  });

  test('that refuses the login is reported with its response and a remedy', async () => {
    const server = await useMailServer();
    const { store, database } = await useAlertStore();
    const { alerts, notices } = useAlertLoop(database.url, { mail: { ...server.settings, password: 'wrong-secret' } });
    await write(store, [item(failed(1))]);
    await eventually(() => expect(notices.all).toHaveLength(1));
    expect(notices.all[0]).toMatch(
      /^alerts cannot be sent by mail: localhost:\d+ refuses the login of alerts@example\.test: it answered "535 5\.7\.8 Username and password not accepted"\. Correct EMAIL_USER .* app password\. They are stored/,
    );
    expect(notices.all[0]).not.toContain('wrong-secret');
    await alerts.stop();
    useAlertLoop(database.url, { mail: server.settings });
    await mailsArrive(server, 1);
  });

  test('that rejects a mail gets it again later, with the same id', async () => {
    const server = await useMailServer({
      refuse: (count) => (count <= 3 ? { code: 451, text: 'later please' } : undefined),
    });
    const { store, database } = await useAlertStore();
    const { notices } = useAlertLoop(database.url, { mail: server.settings });
    await write(store, [item(failed(1))]);
    await eventually(() =>
      expect(notices.all).toEqual([expect.stringMatching(/refuses mail from .*: it answered "451 later please"/)]),
    );
    await mailsArrive(server, 1);
    const [{ notice }] = await database.query('select notice from logs.alert_deliveries');
    expect(server.mails[0]?.headers.get('message-id')).toBe(`<${notice}@example.test>`);
    await eventually(async () => {
      const [{ marked }] = await database.query('select sent_at is not null as marked from logs.alert_deliveries');
      expect(marked).toBe(true);
    });
    // As after a crash between sending and marking.
    await database.query('update logs.alert_deliveries set sent_at = null, claimed_until = null');
    await mailsArrive(server, 2);
    expect(new Set(server.mails.map(({ headers }) => headers.get('message-id')))).toHaveLength(1);
  });

  test('that refuses the text of one mail for good gets it without the text, and all later mails', async () => {
    const server = await useMailServer({
      refuse: (_, data) => (data.includes('attack') ? { code: 554, text: 'spam' } : undefined),
    });
    const { store, database } = await useAlertStore();
    useAlertLoop(database.url, { mail: server.settings });
    await write(store, [item({ ...failed(1), message: 'an attack on the shop' })]);
    await mailsArrive(server, 1);
    expect(server.mails[0]?.text).toContain('withheld: the server refused the text');
    await write(store, [item({ ...failed(2), message: 'another error' })]);
    await mailsArrive(server, 2);
    expect(server.mails[1]?.text).toContain('another error');
  });

  test('that rejects one of the recipients is reported', async () => {
    const warning = vi.spyOn(internalLogger, 'warning');
    onTestFinished(() => warning.mockRestore());
    const server = await useMailServer({
      server: {
        onRcptTo: ({ address }, _session, done) =>
          done(address.startsWith('nobody') ? Object.assign(new Error('no such user'), { responseCode: 550 }) : null),
      },
    });
    const { store, database } = await useAlertStore();
    const recipients = ['ops@example.test', 'nobody@example.test'];
    useAlertLoop(database.url, { mail: { ...server.settings, recipients } });
    await write(store, [item(failed(1))]);
    await mailsArrive(server, 1);
    await eventually(() =>
      expect(warning).toHaveBeenCalledWith(
        expect.stringMatching(/accepts mails, but not those to nobody@example\.test\. Correct EMAIL_RECIPIENTS/),
      ),
    );
  });

  test('can use TLS from the start, or none if that is allowed', async () => {
    const { store, database } = await useAlertStore();
    const encrypted = await useMailServer({ secure: true });
    const plain = await useMailServer({ server: { disabledCommands: ['STARTTLS'], allowInsecureAuth: true } });
    await write(store, [item(failed(1))]);
    const { notices, alerts } = useAlertLoop(database.url, { mail: plain.settings });
    await eventually(() =>
      expect(notices.all).toEqual([
        expect.stringMatching(/was reached, but the connection could not be encrypted: .* set EMAIL_TLS=none/),
      ]),
    );
    await alerts.stop();
    expect(plain.mails).toEqual([]);
    const { alerts: second } = useAlertLoop(database.url, { mail: encrypted.settings });
    await mailsArrive(encrypted, 1);
    await second.stop();
    await write(store, [item({ ...failed(1), service: 'till' })]);
    useAlertLoop(database.url, { mail: { ...plain.settings, tls: 'none' } });
    await mailsArrive(plain, 1);
    expect([encrypted.mails[0]?.secure, plain.mails[0]?.secure]).toEqual([true, false]);
  });

  test('with a certificate of an unknown CA gets no password', async () => {
    const server = await useMailServer();
    const { store, database } = await useAlertStore();
    await write(store, [item(failed(1))]);
    const { notices } = useAlertLoop(database.url, { mail: { ...server.settings, caFile: undefined } });
    await eventually(() =>
      expect(notices.all).toEqual([
        expect.stringMatching(/was reached, but the connection could not be encrypted: .*certificate.*EMAIL_CA_FILE/),
      ]),
    );
    expect(server.mails).toEqual([]);
  });
});

describe('a problem of Loghive itself', () => {
  const condition = (active: boolean) => ({
    active,
    sentence: 'queue shop_error_logs is at 80 % of its limit',
    sinceMs: Date.now() - 60_000,
  });

  test('is reported once for all consumers, and once when it is resolved for all of them', async () => {
    const server = await useMailServer();
    const { database } = await useAlertStore();
    const loops = [1, 2].map(() => useAlertLoop(database.url, { mail: server.settings }));
    // One process cannot act as two consumers: they would report under one name.
    Object.assign(loops[1]!.alerts, { process: 'other:1' });
    for (const { alerts } of loops) for (let times = 0; times < 3; times++) alerts.condition('queue', condition(true));
    await mailsArrive(server, 1);
    loops[0]!.alerts.condition('queue', condition(false));
    await eventually(async () => {
      expect(await database.query('select reporter from logs.alert_conditions')).toEqual([{ reporter: 'other:1' }]);
    });
    expect(subjects(server)).toEqual(['Loghive: queue shop_error_logs is at 80 % of its limit']);
    loops[1]!.alerts.condition('queue', condition(false));
    await mailsArrive(server, 2);
    expect(server.mails[1]?.subject).toBe('recovered: Loghive: queue shop_error_logs is at 80 % of its limit');
    expect(server.mails[1]?.headers.get('references')).toBe(server.mails[0]?.headers.get('references'));
  });

  test('is resolved once although it was reported by a consumer whose clock is ahead', async () => {
    const server = await useMailServer();
    const { database } = await useAlertStore();
    const { alerts } = useAlertLoop(database.url, { mail: server.settings });
    alerts.condition('queue', condition(true));
    await mailsArrive(server, 1);
    const ahead = uuidv7((Date.now() + 600_000) * 1000);
    await database.query('delete from logs.alert_deliveries');
    await database.query('update logs.alert_notices set id = $1', [ahead]);
    alerts.condition('queue', condition(false));
    await mailsArrive(server, 2);
    await sleep(500);
    const rows = await database.query('select kind from logs.alert_notices order by id');
    expect(rows).toEqual([{ kind: 'condition' }, { kind: 'recovered' }]);
  });

  test('is reported while the database is unreachable, and its end when the database is back', async () => {
    const server = await useMailServer();
    const { database } = await useAlertStore();
    const proxy = await useProxy(database.url);
    const { alerts, notices } = useAlertLoop(proxy.url(database.url), { mail: server.settings });
    await eventually(async () =>
      expect(
        (
          await database.query("select from pg_stat_activity where application_name = 'loghive' and datname = $1", [
            database.name,
          ])
        ).length,
      ).toBeGreaterThan(0),
    );
    await proxy.refuse();
    await proxy.reset();
    await eventually(() =>
      expect(notices.all).toEqual([expect.stringMatching(/^alerts are delayed because their tables cannot be used: /)]),
    );
    alerts.condition('postgresql', { ...condition(true), sentence: 'PostgreSQL is down' });
    await mailsArrive(server, 1);
    await proxy.heal();
    await eventually(() => expect(notices.all).toEqual([]));
    alerts.condition('postgresql', condition(false));
    await mailsArrive(server, 2);
    expect(server.mails.map(({ subject }) => subject)).toEqual([
      'Loghive: PostgreSQL is down',
      'recovered: Loghive: PostgreSQL is down',
    ]);
    expect(await database.query('select kind from logs.alert_notices order by id')).toEqual([
      { kind: 'condition' },
      { kind: 'recovered' },
    ]);
  });
});

describe('an alert table that refuses rows', () => {
  test('does not delay records; its rows are written later with the right counts', async () => {
    const { store, database, refusals } = await useAlertStore();
    await database.query('alter table logs.alert_events rename to gone');
    await write(store, itemList(5, failed));
    expect(refusals.at(-1)).toMatch(
      /^errors are stored, but alerts are buffered in memory because their table refuses them: .*42P01/,
    );
    await write(store, itemList(5, failed), { letters: [] });
    await database.query('alter table logs.gone rename to alert_events');
    await eventually(
      async () => {
        await write(store, [item({ message: 'fine' })]);
        expect(await database.query('select sum(records)::int as n from logs.alert_events')).toEqual([{ n: 10 }]);
      },
      { withinMs: 15_000 },
    );
    expect(refusals.at(-1)).toBeUndefined();
    expect(await database.query("select count(*)::int as n from logs.records where level = 'ERROR'")).toEqual([
      { n: 10 },
    ]);
  });

  test('does not count rows twice if the reply to COMMIT was lost', { timeout: 30_000 }, async () => {
    let proxy: TcpProxy | undefined;
    const { store, database, refusals } = await useAlertStore(async (url) => {
      proxy = await useProxy(url);
      return proxy.url(url);
    });
    const recorded = () => database.query('select sum(records)::int as n from logs.alert_events');
    await database.query('alter table logs.alert_events rename to gone');
    await write(store, itemList(5, failed));
    // COMMIT is slow, not the statement.
    await database.query(`alter table logs.gone rename to alert_events;
      create sequence logs.commits;
      create function logs.slow() returns trigger language plpgsql as $$
        begin perform nextval('logs.commits'); perform pg_sleep(0.5); return null; end $$;
      create constraint trigger slow after insert on logs.alert_events deferrable initially deferred
        for each row execute function logs.slow();
      create function logs.late() returns trigger language plpgsql as $$
        begin set constraints all deferred; return null; end $$;
      create trigger late before insert on logs.alert_events for each statement execute function logs.late()`);
    let isDone = false;
    const writing = (async () => {
      while (!isDone) await write(store, [item({ message: 'fine' })]);
    })();
    await eventually(async () => (await database.query('select is_called from logs.commits'))[0].is_called, {
      withinMs: 15_000,
    });
    await proxy!.reset();
    await eventually(async () => expect(await recorded()).toEqual([{ n: 5 }]));
    await eventually(() => expect(refusals.at(-1)).toBeUndefined());
    isDone = true;
    await writing;
    await write(store, itemList(2, failed));
    expect(await recorded()).toEqual([{ n: 7 }]);
  });

  test('that is locked delays records once, for a second', async () => {
    const { store, database, refusals } = await useAlertStore();
    const other = await openClient(database.url);
    await other.query('begin; lock table logs.alert_events in access exclusive mode');
    for (let batch = 0; batch < 3; batch++)
      expect(await write(store, itemList(2, failed))).toMatchObject({ stored: 2 });
    expect(refusals.at(-1)).toMatch(/55P03/);
    await other.query('rollback');
  });
});
