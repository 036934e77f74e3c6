export interface Certificate {
  /** PEM texts: the authority's certificate, the issued one, its private key. */
  ca: string;
  cert: string;
  key: string;
}

export interface CertificateAuthority {
  /** The authority's own certificate, PEM. */
  cert: string;
  /** A certificate for servers and clients; default for localhost and 127.0.0.1, valid for 30 days. */
  issue(options?: {
    cn?: string;
    /** DNS names and IP addresses. A wrong-name certificate: ['elsewhere.example']. */
    altNames?: string[];
    days?: number;
    /** Ended yesterday. */
    expired?: boolean;
  }): Certificate;
}

/** Makes a new authority (RSA 2048, SHA-256): about 0.1 s, as each certificate. */
export function makeCa(options?: { cn?: string }): CertificateAuthority;

/** Writes PEM texts into files of a new folder (0600) and gives their paths under the same names. */
export function writePem<T extends Record<string, string>>(texts: T): { [K in keyof T]: string } & { remove(): void };
