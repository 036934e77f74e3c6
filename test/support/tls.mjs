import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import forge from 'node-forge';
import { reachableTemporaryFolder } from './postgres-binaries.mjs';

const DAY_MS = 86_400_000;

/** A private certificate authority; see tls.d.mts. */
export function makeCa({ cn = 'Loghive test CA' } = {}) {
  const keys = newKeys();
  const name = [{ name: 'commonName', value: cn }];
  const certificate = draft(keys, { subject: name, issuer: name, days: 30 });
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(keys.private, forge.md.sha256.create());
  const ca = forge.pki.certificateToPem(certificate);

  return {
    cert: ca,
    issue({ cn: subject = 'localhost', altNames = ['localhost', '127.0.0.1'], days = 30, expired = false } = {}) {
      const own = newKeys();
      const leaf = draft(own, { subject: [{ name: 'commonName', value: subject }], issuer: name, days, expired });
      leaf.setExtensions([
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        { name: 'subjectAltName', altNames: altNames.map(altName) },
        { name: 'subjectKeyIdentifier' },
      ]);
      leaf.sign(keys.private, forge.md.sha256.create());
      return { ca, cert: forge.pki.certificateToPem(leaf), key: own.pem };
    },
  };
}

/** Writes PEM texts to files, for settings that only accept paths. */
export function writePem(texts) {
  const dir = mkdtempSync(join(reachableTemporaryFolder(), 'loghive-tls-'));
  const files = {};
  for (const [name, text] of Object.entries(texts)) {
    files[name] = join(dir, `${name}.pem`);
    writeFileSync(files[name], text, { mode: 0o600 });
  }
  return { ...files, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

function newKeys() {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const key = forge.pki.privateKeyFromPem(privateKey);
  return { private: key, public: forge.pki.setRsaPublicKey(key.n, key.e), pem: privateKey };
}

function draft(keys, { subject, issuer, days, expired = false }) {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.public;
  // A first byte below 128 makes the number positive; a first byte other than 0 avoids padding.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  const end = expired ? Date.now() - DAY_MS : Date.now() + days * DAY_MS;
  certificate.validity.notBefore = new Date(Math.min(Date.now(), end) - 2 * DAY_MS);
  certificate.validity.notAfter = new Date(end);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer);
  return certificate;
}

function altName(name) {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name };
}
