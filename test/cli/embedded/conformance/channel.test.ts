import { useBothBrokers } from './conversation.js';

const { conversation } = useBothBrokers();

conversation('a client closes a channel and reuses its number', async ({ channel }) => {
  const { peer, call } = await channel();
  await call('channel.close', { replyCode: 200, replyText: 'bye' });
  const again = peer.unopened(1);
  await again.call('channel.open');
});

conversation('a closed channel ignores everything until close-ok', async ({ connect, name, holds }) => {
  const peer = await connect();
  peer.answersClose = false;
  const channel = await peer.channel(1);
  await channel.call('queue.declare', { queue: name('q') });
  channel.send('queue.declare', { queue: name('missing'), passive: true });
  await channel.closed();
  channel.publish('', name('q'), 'into the void');
  channel.send('queue.declare', { queue: name('p') });
  peer.send(1, 'channel.close-ok');
  const again = peer.unopened(1);
  await again.call('channel.open');
  await again.call('queue.declare', { queue: name('q'), passive: true });
  await again.call('queue.declare', { queue: name('p'), passive: true });
  await holds(name('q'), 0);
});

conversation('a channel’s close that crosses the server’s is answered', async ({ connect, name }) => {
  const peer = await connect();
  peer.answersClose = false;
  const channel = await peer.channel(1);
  channel.send('queue.declare', { queue: name('missing'), passive: true });
  await channel.closed();
  channel.send('channel.close', { replyCode: 200 });
  await channel.receive('channel.close-ok');
  peer.send(1, 'channel.close-ok');
  const again = peer.unopened(1);
  await again.call('channel.open');
});

conversation('one channel that is closed leaves the others alone', async ({ connect, name }) => {
  const peer = await connect();
  const [one, two] = [await peer.channel(1), await peer.channel(2)];
  await one.call('queue.declare', { queue: name('missing'), passive: true });
  await two.call('queue.declare', { queue: name('q') });
});

conversation('a closed connection ignores everything but close-ok', async ({ connect, name, channel }) => {
  const peer = await connect();
  peer.answersClose = false;
  const one = await peer.channel(1);
  one.send('exchange.declare', { exchange: name('x'), type: 'nosuch' });
  await peer.next('connection.close');
  one.send('queue.declare', { queue: name('q') });
  peer.send(0, 'connection.close-ok');
  await peer.end();
  const other = await channel();
  await other.call('queue.declare', { queue: name('q'), passive: true });
});

conversation('a client closes a connection with channels and consumers', async ({ connect, name }) => {
  const peer = await connect();
  const channel = await peer.channel(1);
  await peer.channel(2);
  await channel.call('queue.declare', { queue: name('q') });
  await channel.call('basic.consume', { queue: name('q'), consumerTag: 'reader' });
  peer.sendMethod('connection.close', { replyCode: 200, replyText: 'bye' });
  await peer.next('connection.close-ok');
});

conversation('channel.flow may be turned on', async ({ channel }) => {
  const { call } = await channel();
  await call('channel.flow', { active: true });
});

conversation('channel.flow cannot be turned off: 540', async ({ channel }) => {
  const { call } = await channel();
  await call('channel.flow', { active: false });
});

conversation('the secret of a login with a password cannot be renewed', async ({ channel, name }) => {
  const { peer, call } = await channel();
  peer.sendMethod('connection.update-secret', { newSecret: 'other', reason: 'renewal' });
  await peer.until(() => peer.received.find(({ method }) => /update|close/.test(method)), 'an answer');
  if (peer.received.at(-1)?.method !== 'connection.close') await call('queue.declare', { queue: name('q') });
});

conversation('access.request of old clients', async ({ channel }) => {
  const { call } = await channel();
  await call('access.request', { realm: '/data', active: true });
});
