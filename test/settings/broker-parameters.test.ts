import { expect, test } from 'vitest';
import { brokerParameters } from '../../src/settings/broker-parameters.js';

test.each<[string, object]>([
  ['', {}],
  ['heartbeat=0', { heartbeatS: 0 }],
  ['heartbeat=60&connection_timeout=5000', { heartbeatS: 60, socketTimeoutMs: 5000 }],
  [
    'cacertfile=%2Fetc%2Fca.pem&certfile=/c.pem&keyfile=/k.pem&verify=verify_peer&server_name_indication=mq',
    { caFile: '/etc/ca.pem', certFile: '/c.pem', keyFile: '/k.pem', servername: 'mq' },
  ],
  ['auth_mechanism=PLAIN', {}],
])('the parameters %j are used', (query, found) => {
  expect(brokerParameters(query, true)).toEqual({ ...found, ignored: [] });
});

test.each<[string, RegExp]>([
  ['frame_max=4096', /"frame_max", which Loghive does not use/],
  ['locale=en_US', /"locale"/],
  ['channel_max=7', /"channel_max"/],
  ['auth_mechanism=external', /"auth_mechanism", whose value is not plain/],
  ['verify=verify_none', /"verify", whose value is not verify_peer: the broker's certificate is always verified/],
  ['heartbeat=secret', /"heartbeat", whose value is not an integer from 0 to 3600/],
  ['heartbeat=-1', /"heartbeat"/],
  ['connection_timeout=5', /"connection_timeout", whose value is not an integer from 100 to 600000/],
  ['cacertfile=', /"cacertfile", whose value is not the path of a file/],
  ['se%20cret!=1', /^something that is not a parameter/],
  ['constructor=1', /"constructor", which Loghive does not use/],
])('the parameter %j is reported without its value, and ignored', (query, words) => {
  const { ignored, ...found } = brokerParameters(query, true);
  expect(found).toEqual({});
  expect(ignored).toHaveLength(1);
  expect(ignored[0]).toMatch(words);
  expect(ignored[0]).not.toContain('secret');
});

test('parameters of TLS have no effect without amqps', () => {
  expect(brokerParameters('cacertfile=/ca.pem', false)).toEqual({
    ignored: ['parameter "cacertfile", which needs amqps://'],
  });
});
