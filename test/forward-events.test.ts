import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LoghiveError } from '../src/errors.js';
import { forwardEvents } from '../src/forward-events.js';
import type { PublisherEvents } from '../src/publisher/status.js';

function useForwarded() {
  const publisher = new EventEmitter<PublisherEvents>();
  const integration = new EventEmitter();
  const end = forwardEvents(publisher, integration);
  const received: string[] = [];
  const listen = (name: string, text = name) => integration.on(name, () => received.push(text));
  const listeners = () => publisher.listenerCount('connect') + publisher.listenerCount('warning');
  return { publisher, integration, end, received, listen, listeners };
}

describe('the events of a publisher reach an integration', () => {
  it('once for each listener, with their arguments', () => {
    const { publisher, integration, listen, received } = useForwarded();
    listen('connect', 'one');
    listen('connect', 'two');
    const errors: unknown[] = [];
    integration.once('warning', (error) => errors.push(error));
    const error = new LoghiveError('LOGHIVE_RECORDS_WAIT', 'they wait');
    publisher.emit('connect');
    publisher.emit('warning', error);
    publisher.emit('warning', error);
    expect(received).toEqual(['one', 'two']);
    expect(errors).toEqual([error]);
  });

  it('only while it has listeners, so that the publisher does not reference it otherwise', () => {
    const { integration, listen, listeners, end } = useForwarded();
    expect(listeners()).toBe(0);
    listen('connect');
    integration.once('warning', () => {});
    expect(listeners()).toBe(2);
    integration.removeAllListeners('connect');
    integration.removeAllListeners('warning');
    expect(listeners()).toBe(0);
    listen('finish');
    expect(listeners()).toBe(0);
    end();
  });

  it('again after all of its listeners were removed and new ones added', async () => {
    const { publisher, integration, listen, received, listeners } = useForwarded();
    listen('connect', 'before');
    integration.removeAllListeners();
    expect(listeners()).toBe(0);
    await Promise.resolve();
    listen('connect', 'after');
    publisher.emit('connect');
    expect(received).toEqual(['after']);
  });

  it('until it is closed, after which no listeners remain on either side', async () => {
    const { publisher, integration, listen, received, listeners, end } = useForwarded();
    listen('connect');
    end();
    integration.removeAllListeners();
    await Promise.resolve();
    listen('connect');
    publisher.emit('connect');
    expect(received).toEqual([]);
    expect(listeners()).toBe(0);
    expect(integration.listenerCount('newListener') + integration.listenerCount('removeListener')).toBe(0);
  });
});
