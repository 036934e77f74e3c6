import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { type DevelopmentBroker, startDevelopmentBroker } from '../../../../cli/embedded/broker/index.js';
import { onEnd } from '../../../support/use-servers.js';

type Options = Parameters<typeof startDevelopmentBroker>[0];

/** A development broker for one test, stopped at its end. */
export async function useDevelopmentBroker(options?: Options): Promise<DevelopmentBroker> {
  const broker = await startDevelopmentBroker(options);
  onEnd(() => broker.stop());
  return broker;
}

/** An amqplib connection, closed at the end of the test. The test handles its errors. */
export async function useClient(url: string): Promise<ChannelModel> {
  const connection = await connect(url, { noDelay: true });
  connection.on('error', () => {});
  onEnd(() => connection.close().catch(() => {}));
  return connection;
}

/** A confirm channel on its own connection. */
export async function useChannel(url: string): Promise<ConfirmChannel> {
  const connection = await useClient(url);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return channel;
}
