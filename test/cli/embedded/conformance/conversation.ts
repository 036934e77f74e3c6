/**
 * One conversation per test: it runs on the development broker and on a real RabbitMQ 3.10, and both transcripts must
 * be equal. Intended differences are in refused.test.ts.
 *
 * With a later RabbitMQ, whose texts differ, a conversation only runs on the development broker and must complete.
 */
import { beforeAll, expect, test } from 'vitest';
import { type DevelopmentBroker, startDevelopmentBroker } from '../../../../cli/embedded/broker/broker.js';
import { onEnd, type TestBroker, useBroker } from '../../../support/use-servers.js';
import { type BrokerUnderTest, Stage } from './stage.js';

const REFERENCE = /^3\.10\./;

export type Conversation = (stage: Stage) => Promise<void>;

export function useBothBrokers(): { conversation(sentence: string, steps: Conversation): void } {
  let real: BrokerUnderTest;
  let development: BrokerUnderTest;
  let isReference: boolean;
  beforeAll(async () => {
    const [broker, developed] = await Promise.all([useBroker(), startDevelopmentBroker()]);
    onEnd(() => developed.stop());
    isReference = REFERENCE.test(broker.version);
    real = realBroker(broker);
    development = developmentBroker(developed, broker.vhost);
  });
  let count = 0;
  return {
    conversation(sentence, steps) {
      count += 1;
      const prefix = `c${count}`;
      test.concurrent(sentence, async () => {
        const transcripts = [development, ...(isReference ? [real] : [])].map((broker) => run(steps, broker, prefix));
        const [actual, expected = actual] = await Promise.all(transcripts);
        expect(actual).toEqual(expected);
        // A conversation that fails the same way on both sides proves nothing.
        expect(actual?.filter((line) => line.startsWith('failure') || line.includes(' ! '))).toEqual([]);
        expect(actual).not.toEqual([]);
      });
    },
  };
}

async function run(steps: Conversation, broker: BrokerUnderTest, prefix: string): Promise<string[]> {
  const stage = new Stage(broker, prefix);
  try {
    await steps(stage);
  } catch (error) {
    return stage.close(error as Error);
  }
  return stage.close();
}

function realBroker({ host, port, vhost, url, admin }: TestBroker): BrokerUnderTest {
  return { host, port, vhost, url, closeConnections: (reason) => admin.closeConnections({ vhost, reason }) };
}

function developmentBroker(broker: DevelopmentBroker, vhost: string): BrokerUnderTest {
  const { host, port } = broker;
  const url = broker.addVhost(vhost);
  return { host, port, vhost, url, closeConnections: async (reason) => broker.closeConnections(reason) };
}
