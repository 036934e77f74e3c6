import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { type DevelopmentBroker, startDevelopmentBroker } from '../../../../cli/embedded/broker/index.js';
import { onEnd } from '../../../support/use-servers.js';

type Options = Parameters<typeof startDevelopmentBroker>[0];

/** A development broker of its own for a test, stopped at its end. */
export async function useDevelopmentBroker(options?: Options): Promise<DevelopmentBroker> {
  const broker = await startDevelopmentBroker(options);
  onEnd(() => broker.stop());
  return broker;
}

/** A connection by amqplib, closed at the end of the test. Its errors are the test's business. */
export async function useClient(url: string): Promise<ChannelModel> {
  const connection = await connect(url, { noDelay: true });
  connection.on('error', () => {});
  onEnd(() => connection.close().catch(() => {}));
  return connection;
}

/** A confirm channel on a connection of its own. */
export async function useChannel(url: string): Promise<ConfirmChannel> {
  const connection = await useClient(url);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return channel;
}
