import { CAPABILITIES, type Peer, PROTOCOL_HEADER } from '../../../support/amqp/peer.js';
import { useBothBrokers } from './conversation.js';
import type { Stage } from './stage.js';

const { conversation } = useBothBrokers();

/** A client's start-ok; as guest by default. */
const startOk = (settings: Record<string, unknown> = {}) => ({
  clientProperties: { capabilities: CAPABILITIES },
  mechanism: 'PLAIN',
  response: '\0guest\0guest',
  locale: 'en_US',
  ...settings,
});

/** A connection that has received connection.start. */
async function started({ peer }: Stage): Promise<Peer> {
  const client = peer();
  client.write(PROTOCOL_HEADER);
  await client.next('connection.start');
  return client;
}

/** A connection that has received connection.tune. */
async function tuning(stage: Stage): Promise<Peer> {
  const client = await started(stage);
  client.send(0, 'connection.start-ok', startOk());
  await client.next('connection.tune');
  return client;
}

const TUNE = { channelMax: 2047, frameMax: 131_072, heartbeat: 0 };

conversation('the server announces its identity, capabilities and limits', async (stage) => {
  const client = await tuning(stage);
  client.sendMethod('connection.tune-ok', TUNE);
  client.send(0, 'connection.open', { virtualHost: stage.broker.vhost });
  await client.next('connection.open-ok');
  client.sendMethod('connection.close', { replyCode: 200, replyText: 'bye' });
  await client.next('connection.close-ok');
});

for (const [what, header] of [
  ['of another protocol', Buffer.from('GET / HTTP/1.1\r\n')],
  ['of AMQP 1.0', Buffer.from('AMQP\0\x01\0\0', 'latin1')],
  ['of AMQP 1.0 with SASL', Buffer.from('AMQP\x03\x01\0\0', 'latin1')],
  ['of a version that never was', Buffer.from('AMQP\0\0\x09\x02', 'latin1')],
] as const) {
  conversation(`a header ${what} is answered with that of 0-9-1, and the end`, async ({ peer }) => {
    const client = peer();
    client.write(header);
    await client.end();
  });
}

conversation('a wrong password is reported with 403 to clients that support it', async (stage) => {
  const client = await started(stage);
  client.sendMethod('connection.start-ok', startOk({ response: '\0guest\0wrong' }));
  await client.next('connection.close');
});

conversation('an unknown user gets the same 403', async (stage) => {
  const client = await started(stage);
  client.sendMethod('connection.start-ok', startOk({ response: '\0nobody\0guest' }));
  await client.next('connection.close');
});

conversation('a client may negotiate the smallest frames and one channel', async (stage) => {
  const client = await tuning(stage);
  client.sendMethod('connection.tune-ok', { channelMax: 1, frameMax: 4096, heartbeat: 0 });
  client.frameMax = 4096;
  client.send(0, 'connection.open', { virtualHost: stage.broker.vhost });
  await client.next('connection.open-ok');
  await client.channel(1);
  client.unopened(2).send('channel.open');
  await client.next('connection.close');
});

conversation('a vhost that does not exist is refused with 530', async (stage) => {
  const client = await tuning(stage);
  client.sendMethod('connection.tune-ok', TUNE);
  client.sendMethod('connection.open', { virtualHost: 'nosuch' });
  await client.next('connection.close');
});

conversation('a second login is refused', async ({ connect }) => {
  const client = await connect();
  client.sendMethod('connection.start-ok', startOk());
  await client.next('connection.close');
});

conversation('the server sends heartbeats if they were negotiated', async ({ connect, note }) => {
  const client = await connect({ heartbeatS: 1 });
  await client.until(() => (client.heartbeats >= 2 ? true : undefined), 'heartbeats');
  note('heartbeats', 'two');
});

conversation('a client that is silent too long is disconnected without connection.close', async ({ connect }) => {
  const client = await connect({ heartbeatS: 1 });
  await client.end();
});
