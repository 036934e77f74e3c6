/** What a failed TLS handshake means, in words. Shared by the connections to RabbitMQ and PostgreSQL. Pure. */

/** Codes of Node's TLS errors (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

/** Node's names for what a server says that wants to see a certificate, or another one, of this client. */
const CLIENT_CERTIFICATE =
  /ALERT_(CERTIFICATE_REQUIRED|UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN)/;

/**
 * @param error what the handshake ended with.
 * @param caOption the option that takes the certificate authority, for the remedy.
 * @param certOption the option that takes this client's own certificate.
 * @returns a sentence, or undefined when the error is not about TLS.
 */
export function tlsFault(error: unknown, caOption: string, certOption: string): string | undefined {
  const { code, message, reason } = error as { code?: unknown; message?: unknown; reason?: unknown };
  if (typeof code !== 'string') return undefined;
  if (UNKNOWN_AUTHORITY.has(code)) {
    return `its certificate was signed by an authority that is not known here (${code}). Pass that authority's certificate in ${caOption}.`;
  }
  if (code === 'CERT_HAS_EXPIRED') return `its certificate has expired (${code}). Renew it on the server.`;
  if (code === 'CERT_NOT_YET_VALID')
    return `its certificate is not valid yet (${code}). Check the clocks of both machines.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is for another name: ${misnamed(error)}. Connect by a name that the certificate carries.`;
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return `the port does not speak TLS (${code}). Correct the port, or connect without TLS.`;
  }
  if (CLIENT_CERTIFICATE.test(code)) {
    return `it does not accept this client's certificate, or misses one (${code}). Pass one that it knows in ${certOption}.`;
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code.startsWith('CERT_')) {
    // OpenSSL's own text is two lines of addresses and file names; its reason is in a property.
    const said = typeof reason === 'string' ? reason : String(message).split('\n')[0];
    return `the TLS handshake failed: ${said} (${code}). Check that the port speaks TLS and which certificates both sides ask for.`;
  }
  return undefined;
}

/** Node's own text names no names where an address was asked for. */
function misnamed(error: unknown): string {
  const { host, cert, message } = error as { host?: unknown; cert?: { subjectaltname?: unknown }; message?: unknown };
  const names = cert?.subjectaltname;
  return typeof host === 'string' && typeof names === 'string' ? `it carries ${names}, not ${host}` : String(message);
}
