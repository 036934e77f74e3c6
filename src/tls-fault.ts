/** Turns a failed TLS handshake into an error message. Shared by the connections to RabbitMQ and PostgreSQL. Pure. */

/** Codes of Node's TLS errors (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

/** Node's error codes for servers that require a client certificate, or reject this one. */
const CLIENT_CERTIFICATE =
  /ALERT_(CERTIFICATE_REQUIRED|UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN)/;

/**
 * @param error the handshake error.
 * @param caOption name of the option for the certificate authority, for the message.
 * @param certOption name of the option for the client certificate.
 * @returns a sentence; undefined if the error is not about TLS.
 */
export function tlsFault(error: unknown, caOption: string, certOption: string): string | undefined {
  const { code, message, reason } = error as { code?: unknown; message?: unknown; reason?: unknown };
  if (typeof code !== 'string') return undefined;
  if (UNKNOWN_AUTHORITY.has(code)) {
    return `its certificate was signed by an unknown authority (${code}). Pass that authority's certificate in ${caOption}.`;
  }
  if (code === 'CERT_HAS_EXPIRED') return `its certificate has expired (${code}). Renew it on the server.`;
  if (code === 'CERT_NOT_YET_VALID')
    return `its certificate is not valid yet (${code}). Check the clocks on both machines.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is for another host name: ${nameMismatch(error)}. Connect with a name from the certificate.`;
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return `the port does not speak TLS (${code}). Correct the port, or connect without TLS.`;
  }
  if (CLIENT_CERTIFICATE.test(code)) {
    return `it requires a client certificate, or does not accept this one (${code}). Pass a trusted one in ${certOption}.`;
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code.startsWith('CERT_')) {
    // OpenSSL's message contains addresses and file names; the reason is in a property.
    const detail = typeof reason === 'string' ? reason : String(message).split('\n')[0];
    return `the TLS handshake failed: ${detail} (${code}). Check that the port speaks TLS, and which certificates both sides require.`;
  }
  return undefined;
}

/** For an IP address, Node's message does not list the certificate's names. */
function nameMismatch(error: unknown): string {
  const { host, cert, message } = error as { host?: unknown; cert?: { subjectaltname?: unknown }; message?: unknown };
  const names = cert?.subjectaltname;
  return typeof host === 'string' && typeof names === 'string'
    ? `it is valid for ${names}, not for ${host}`
    : String(message);
}
