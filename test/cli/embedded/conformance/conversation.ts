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

export type Talk = (stage: Stage) => Promise<void>;

export function useBothBrokers(): { conversation(sentence: string, talk: Talk): void } {
  let real: BrokerUnderTest;
  let development: BrokerUnderTest;
  let isReference: boolean;
  beforeAll(async () => {
    const [broker, developed] = await Promise.all([useBroker(), startDevelopmentBroker()]);
    onEnd(() => developed.stop());
    isReference = REFERENCE.test(broker.version);
    real = theRealOne(broker);
    development = theDevelopmentOne(developed, broker.vhost);
  });
  let count = 0;
  return {
    conversation(sentence, talk) {
      count += 1;
      const prefix = `c${count}`;
      test.concurrent(sentence, async () => {
        const held = [development, ...(isReference ? [real] : [])].map((broker) => hold(talk, broker, prefix));
        const [told, wanted = told] = await Promise.all(held);
        expect(told).toEqual(wanted);
        // A conversation that fails the same way on both sides proves nothing.
        expect(told?.filter((line) => line.startsWith('failure') || line.includes(' ! '))).toEqual([]);
        expect(told).not.toEqual([]);
      });
    },
  };
}

async function hold(talk: Talk, broker: BrokerUnderTest, prefix: string): Promise<string[]> {
  const stage = new Stage(broker, prefix);
  try {
    await talk(stage);
  } catch (error) {
    return stage.close(error as Error);
  }
  return stage.close();
}

function theRealOne({ host, port, vhost, url, admin }: TestBroker): BrokerUnderTest {
  return { host, port, vhost, url, closeConnections: (reason) => admin.closeConnections({ vhost, reason }) };
}

function theDevelopmentOne(broker: DevelopmentBroker, vhost: string): BrokerUnderTest {
  const { host, port } = broker;
  const url = broker.addVhost(vhost);
  return { host, port, vhost, url, closeConnections: async (reason) => broker.closeConnections(reason) };
}
