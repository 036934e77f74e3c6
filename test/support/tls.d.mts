export interface Certificate {
  /** PEM texts: the authority's certificate, the issued certificate, its private key. */
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
    /** DNS names and IP addresses. For a certificate with a wrong name: ['elsewhere.example']. */
    altNames?: string[];
    days?: number;
    /** The certificate expired yesterday. */
    expired?: boolean;
  }): Certificate;
}

/** Creates a new authority (RSA 2048, SHA-256). Takes about 0.1 s, like each certificate. */
export function makeCa(options?: { cn?: string }): CertificateAuthority;

/** Writes PEM texts to files (0600) in a new folder and returns their paths under the same names. */
export function writePem<T extends Record<string, string>>(texts: T): { [K in keyof T]: string } & { remove(): void };
