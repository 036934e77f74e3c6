/** How RabbitMQ handles message properties that real clients do not send, compared byte for byte. */
import { field, fields, nested, propertyBytes, table } from '../../../support/amqp/property-bytes.mjs';
import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

const header = (value: Buffer): Buffer => propertyBytes({ headers: { key: value } });

const TAKEN: Record<string, Buffer> = {
  'b, a negative byte': header(fields.b(-5)),
  'B, a byte': header(fields.B(200)),
  's, a short': header(fields.s(-300)),
  'u, an unsigned short': header(fields.u(60_000)),
  'I, an integer': header(fields.I(-70_000)),
  'i, an unsigned integer': header(fields.i(4_000_000_000)),
  'l, a long': header(fields.l(-(2n ** 40n))),
  'L, a long as some clients write it': header(fields.L(2n ** 40n)),
  'L within tables and arrays': header(fields.F([['list', fields.A([fields.L(-1), fields.F([['l', fields.L(7)]])])]])),
  'f, a float': header(fields.f(0.5)),
  'd, a double': header(fields.d(1.1)),
  'd, minus zero': header(fields.d(-0)),
  'd, below the least integer': header(fields.d(-1e300)),
  'd, the least that there is': header(fields.d(5e-324)),
  'D, a decimal': header(fields.D(255, 4_000_000_000)),
  't, a truth value': header(fields.t(true)),
  't, a truth value that is neither 0 nor 1': header(fields.A([field('t', Buffer.from([2])), fields.t(false)])),
  'S, a text': header(fields.S('grüße')),
  'S, bytes that are no text': header(fields.S(Buffer.from([0xff, 0xfe, 0]))),
  'x, bytes': header(fields.x(Buffer.from([0xff, 0xfe, 0]))),
  'A, an array of all kinds': header(fields.A([fields.I(1), fields.S('two'), fields.V(), fields.A([])])),
  'T, a time': header(fields.T(1_700_000_000)),
  'T, the end of time': header(fields.T(2n ** 64n - 1n)),
  'F, a table': header(fields.F([['inner', fields.I(1)]])),
  'V, nothing': header(fields.V()),
  'no headers, and a table for them': propertyBytes({ headers: {} }),
  'a name that is no text': propertyBytes({ headers: table([[Buffer.from([0xff, 0xfe]), fields.I(1)]]) }),
  'a name with a NUL': propertyBytes({ headers: { 'a\0b': fields.I(1) } }),
  'an empty name': propertyBytes({ headers: { '': fields.I(1) } }),
  'a name of 127 bytes': propertyBytes({ headers: { ['n'.repeat(127)]: fields.I(1) } }),
  'a name of 128 bytes': propertyBytes({ headers: { ['n'.repeat(128)]: fields.I(1) } }),
  'a name of 255 bytes': propertyBytes({ headers: { ['n'.repeat(255)]: fields.I(1) } }),
  'names that objects have': propertyBytes({
    headers: table([
      ['__proto__', fields.I(1)],
      ['constructor', fields.V()],
    ]),
  }),
  'a name three times': propertyBytes({
    headers: table([
      ['b', fields.I(1)],
      ['b', fields.I(2)],
      ['c', fields.S('x')],
      ['b', fields.S('3')],
    ]),
  }),
  'names in no order': propertyBytes({
    headers: table([
      ['z', fields.I(1)],
      ['B', fields.I(2)],
      ['a', fields.V()],
    ]),
  }),
  'names of the broker’s own': propertyBytes({
    headers: { 'x-delivery-count': fields.S('many'), 'x-death': fields.S('none'), 'x-first-death-queue': fields.V() },
  }),
  'flags that nothing is said of': Buffer.from([0, 3]),
  'a content type that is no text': propertyBytes({ contentType: Buffer.from([2, 0xff, 0xfe]) }),
  'a priority that no queue has': propertyBytes({ priority: 255 }),
  'the last timestamp': propertyBytes({ timestamp: 2n ** 64n - 1n }),
  'a message id that is no text': propertyBytes({ messageId: Buffer.from([2, 0xff, 0xfe]) }),
  'a cluster id': propertyBytes({ clusterId: 'cluster' }),
  'tables, 100 deep': header(nested(100)),
  'arrays, 1,000 deep': header(nested(1000, 'A')),
  'twenty thousand entries of one name': propertyBytes({
    headers: table(Array.from({ length: 20_000 }, () => ['', fields.V()] as const)),
  }),
  'an array of 100,000': header(fields.A(Array.from({ length: 100_000 }, () => fields.V()))),
};

/** Queues of both types with dead-letter queues, and a channel that shows bytes. */
async function queues({ confirming, name }: Stage, type: string) {
  const channel = await confirming();
  channel.keepsBytes = true;
  await channel.call('queue.declare', { queue: name('dead') });
  const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name('dead') };
  await channel.call('queue.declare', {
    queue: name('q'),
    durable: true,
    arguments: { 'x-queue-type': type, ...letters },
  });
  return channel;
}

for (const type of ['classic', 'quorum']) {
  for (const [what, properties] of Object.entries(TAKEN)) {
    conversation(`a ${type} queue delivers ${what}, delivers it again, and returns it by get`, async (stage) => {
      const { publish, confirmed, call, receive, send, drain } = await queues(stage, type);
      publish('', stage.name('q'), 'x', { properties });
      await confirmed(1);
      await call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
      await receive('basic.deliver');
      send('basic.reject', { deliveryTag: 1, requeue: true });
      await receive('basic.deliver');
      await call('basic.cancel', { consumerTag: 'reader' });
      send('basic.reject', { deliveryTag: 2, requeue: true });
      await stage.holds(stage.name('q'), 1);
      await drain(stage.name('q'));
    });
  }
}

for (const [what, properties] of Object.entries(TAKEN)) {
  conversation(`${what}: an unroutable message is returned with it`, async (stage) => {
    const { publish, receive } = await queues(stage, 'classic');
    publish('', stage.name('nobody'), 'x', { properties, mandatory: true });
    await receive('basic.return');
  });
}

const UNREADABLE: Record<string, Buffer> = {
  'not a number': header(fields.d(Number.NaN)),
  infinity: header(fields.d(Number.POSITIVE_INFINITY)),
  'minus infinity': header(fields.d(Number.NEGATIVE_INFINITY)),
  'a float that is not a number': header(fields.f(Number.NaN)),
  'an infinite float': header(fields.f(Number.POSITIVE_INFINITY)),
  'an infinite number within an array': header(fields.A([fields.I(1), fields.d(Number.POSITIVE_INFINITY)])),
  'a table that is longer than its message': Buffer.concat([
    Buffer.from([0x20, 0, 0, 0, 0, 99]),
    Buffer.from('\x01aV'),
  ]),
  'a table that is shorter than its entry': Buffer.concat([Buffer.from([0x20, 0, 0, 0, 0, 2]), Buffer.from('\x01aV')]),
  'a number that breaks off': header(field('I', Buffer.alloc(2))),
  'a text that breaks off': header(field('S', Buffer.from([0, 0, 0, 9, 65]))),
  'an array that breaks off': header(field('A', Buffer.from([0, 0, 0, 9, 86]))),
  'a table within that breaks off': header(field('F', Buffer.from([0, 0, 0, 9, 0, 86]))),
  'a number that breaks off within an array': header(fields.A([field('I', Buffer.alloc(2))])),
  'flags without values': Buffer.from([0xff, 0xfc]),
  'a value without a flag': Buffer.from([0, 0, 1]),
  'half of the flags': Buffer.from([0]),
  'no flags at all': Buffer.alloc(0),
};
for (const letter of '\0 !0@CEGHJKMNOPQRUWXYZacdeghjkmnopqrvwyz~\x7f\x80\xff') {
  if (letter !== 'd') UNREADABLE[`a field of type ${JSON.stringify(letter)}`] = header(field(letter, Buffer.alloc(8)));
}

for (const [what, properties] of Object.entries(UNREADABLE)) {
  conversation(`${what}: the connection ends with 541`, async (stage) => {
    const { publish, peer } = await queues(stage, 'classic');
    publish('', stage.name('q'), 'x', { properties });
    await peer.next('connection.close');
  });
}

conversation('malformed properties are not parsed if the exchange does not exist', async (stage) => {
  const { publish, closed } = await queues(stage, 'classic');
  publish(stage.name('missing'), 'k', 'x', { properties: header(fields.d(Number.NaN)) });
  await closed();
});

for (const [what, given] of [
  ['a delivery mode of 0', { deliveryMode: 0 }],
  ['a delivery mode of 3', { deliveryMode: 3 }],
  ['a delivery mode of 255', { deliveryMode: 255 }],
  ['a delivery mode of 3, and somebody else’s user id', { deliveryMode: 3, userId: 'somebody' }],
  ['a delivery mode of 3, and an expiration that is none', { deliveryMode: 3, expiration: 'soon' }],
] as const) {
  conversation(`${what}: a 406`, async (stage) => {
    const { publish, closed } = await queues(stage, 'classic');
    publish('', stage.name('q'), 'x', { properties: propertyBytes(given) });
    await closed();
  });
}

for (const depth of [64, 65, 5000, 12_000, 21_000]) {
  conversation(`tables nested ${depth} deep leave a classic queue unchanged`, async (stage) => {
    const { publish, confirmed, drain } = await queues(stage, 'classic');
    publish('', stage.name('q'), 'x', { properties: header(nested(depth)) });
    await confirmed(1);
    await drain(stage.name('q'));
  });
}

conversation('arrays nested 25,000 deep leave a classic queue unchanged', async (stage) => {
  const { publish, confirmed, drain } = await queues(stage, 'classic');
  publish('', stage.name('q'), 'x', { properties: header(nested(25_000, 'A')) });
  await confirmed(1);
  await drain(stage.name('q'));
});

// RabbitMQ takes seconds for deeper ones.
conversation('tables nested 3,000 deep leave a quorum queue unchanged, and again with the count', async (stage) => {
  const { publish, confirmed, call, receive, send } = await queues(stage, 'quorum');
  publish('', stage.name('q'), 'x', { properties: header(nested(3000)) });
  await confirmed(1);
  await call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
  await receive('basic.deliver');
  send('basic.reject', { deliveryTag: 1, requeue: true });
  await receive('basic.deliver');
});

for (const [beyond, what] of [
  [0, 'of exactly the negotiated size'],
  [8, 'of eight bytes more, which RabbitMQ takes as well'],
] as const) {
  conversation(`a header frame ${what} comes back larger, with the count`, async (stage) => {
    const channel = await queues(stage, 'quorum');
    const { publish, confirmed, call, receive, send, peer } = channel;
    // Class, weight, body size, flags, table length, name, type, text length.
    const text = peer.frameMax - 8 + beyond - (2 + 2 + 8 + 2 + 4 + 4 + 1 + 4);
    peer.frameMax += 64;
    publish('', stage.name('q'), '', { properties: header(fields.S(Buffer.alloc(text, 'x'))) });
    await confirmed(1);
    await call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader' });
    await receive('basic.deliver');
    send('basic.reject', { deliveryTag: 1, requeue: true });
    await receive('basic.deliver');
  });
}

conversation('a frame nine bytes larger than negotiated is refused with 501', async (stage) => {
  const { publish, peer } = await queues(stage, 'classic');
  const text = peer.frameMax + 1 - (2 + 2 + 8 + 2 + 4 + 4 + 1 + 4);
  publish('', stage.name('q'), '', { properties: header(fields.S(Buffer.alloc(text, 'x'))) });
  await peer.next('connection.close');
});

const deaths = (...items: Buffer[]): Buffer => propertyBytes({ headers: { 'x-death': fields.A(items) } });
const REJECTED: Record<string, Buffer> = {
  'an L, which comes out as an l': header(fields.A([fields.L(7)])),
  'a truth value of 2, which comes out as 1': header(field('t', Buffer.from([2]))),
  'a name three times': TAKEN['a name three times']!,
  'tables, 1,000 deep': header(nested(1000)),
  'flags that nothing is said of': Buffer.from([0, 3]),
  'no deaths yet': deaths(),
  'a death elsewhere': deaths(
    fields.F([
      ['queue', fields.S('elsewhere')],
      ['reason', fields.S('expired')],
      ['count', fields.l(3)],
    ]),
  ),
  'a death without anything in it': deaths(fields.F([])),
  'a death that is a text': propertyBytes({ headers: { 'x-death': fields.S('none') } }),
  'the same death three times': deaths(
    ...[1, 2, 3].map((n) =>
      fields.F([
        ['queue', fields.S('q')],
        ['reason', fields.S('expired')],
        ['n', fields.I(n)],
      ]),
    ),
    fields.F([
      ['queue', fields.S('q')],
      ['reason', fields.S('maxlen')],
    ]),
  ),
  'two deaths, one of them full of tables': deaths(
    fields.F([
      ['queue', fields.S('elsewhere')],
      ['reason', nested(3)],
    ]),
    fields.F([
      ['queue', fields.S('there')],
      ['reason', fields.S('rejected')],
      ['more', fields.L(1)],
    ]),
  ),
};
for (const type of ['classic', 'quorum']) {
  for (const [what, properties] of Object.entries(REJECTED)) {
    conversation(`${what}: dead-lettered by a ${type} queue`, async (stage) => {
      const { publish, confirmed, call, send } = await queues(stage, type);
      publish('', stage.name('q'), 'x', { properties });
      await confirmed(1);
      await call('basic.get', { queue: stage.name('q') }, { silent: true });
      send('basic.reject', { deliveryTag: 1, requeue: false });
      await stage.holds(stage.name('dead'), 1);
      const dead = await call('basic.get', { queue: stage.name('dead') }, { silent: true });
      stage.note('without the time', withoutTime(dead?.message?.properties as Buffer));
    });
  }
}

function withoutTime(bytes: Buffer): string {
  const at = bytes.indexOf('\x04timeT', 'latin1');
  bytes.fill(0, at + 6, at + 14);
  return bytes.toString('latin1').replace(/[^ -~]/g, (byte) => `\\x${Buffer.from(byte, 'latin1').toString('hex')}`);
}

conversation('arguments nested 5,000 deep are accepted, and accepted again', async (stage) => {
  const { call, receive } = await stage.channel();
  const args = { queue: stage.name('q'), arguments: table([['x-own', nested(5000)]]) };
  await call('queue.declare', args);
  await call('queue.declare', args);
  const binding = { queue: stage.name('q'), exchange: 'amq.direct', routingKey: stage.name('key') };
  await call('queue.bind', { ...binding, arguments: table([['deep', nested(5000)]]) });
  await call('queue.bind', { ...binding, arguments: table([['deep', nested(5001)]]) });
  await call('queue.unbind', { ...binding, arguments: table([['deep', nested(5000)]]) });
  await call('basic.consume', { queue: stage.name('q'), consumerTag: 'reader', arguments: args.arguments });
  await call('queue.delete', { queue: stage.name('q') });
  await receive('basic.cancel');
});

conversation('a TTL of type table is refused, quoting the table', async (stage) => {
  const { call } = await stage.channel();
  await call('queue.declare', { queue: stage.name('q'), arguments: { 'x-message-ttl': 1000 } });
  const other = table([
    [
      'x-message-ttl',
      fields.F([
        ['a', fields.S('b')],
        ['c', fields.A([fields.I(1), fields.L(2)])],
      ]),
    ],
  ]);
  await call('queue.declare', { queue: stage.name('q'), arguments: other });
});
