import { expect, test } from 'vitest';
import { tlsFault } from '../src/tls-fault.js';

const faultOf = (code: unknown, more: object = {}) =>
  tlsFault(
    Object.assign(new Error('80AB:error:0A00:SSL routines:x:../deps/openssl/x.c:1:\n'), { code, ...more }),
    'the ca option',
    'the cert option',
  );

test.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /unknown authority .* in the ca option\.$/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /unknown authority/],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /unknown authority/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /unknown authority/],
  ['CERT_SIGNATURE_FAILURE', /unknown authority/],
  ['CERT_HAS_EXPIRED', /has expired .* Renew it on the server\.$/],
  ['CERT_NOT_YET_VALID', /not valid yet .* clocks/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS/],
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    /requires a client certificate, or does not accept this one .* in the cert option\.$/,
  ],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /requires a client certificate/],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', /the TLS handshake failed/],
  ['CERT_REVOKED', /the TLS handshake failed/],
  ['EPROTO', /the TLS handshake failed/],
])('%s is described in one line', (code, words) => {
  expect(faultOf(code)).toMatch(words);
  expect(faultOf(code)).toContain(`(${code})`);
  expect(faultOf(code)).not.toContain('\n');
});

test("OpenSSL's reason is reported instead of its source file", () => {
  expect(faultOf('ERR_SSL_UNSUPPORTED_PROTOCOL', { reason: 'unsupported protocol' })).toMatch(
    /^the TLS handshake failed: unsupported protocol \(ERR_SSL_UNSUPPORTED_PROTOCOL\)\./,
  );
});

test("a host name mismatch is reported with the certificate's names", () => {
  const code = 'ERR_TLS_CERT_ALTNAME_INVALID';
  expect(faultOf(code, { host: '10.0.0.1', cert: { subjectaltname: 'DNS:elsewhere.example' } })).toBe(
    'its certificate is for another host name: it is valid for DNS:elsewhere.example, not for 10.0.0.1. Connect with a name from the certificate.',
  );
  const error = Object.assign(new Error('Host: h. is not cert CN: x'), { code, host: 'h', cert: {} });
  expect(tlsFault(error, '', '')).toMatch(/for another host name: Host: h\. is not cert CN: x\./);
});

test.each([undefined, 'ECONNREFUSED', 'ECONNRESET', '28P01', 7])('an error with code %s is not a TLS error', (code) => {
  expect(faultOf(code)).toBeUndefined();
});
