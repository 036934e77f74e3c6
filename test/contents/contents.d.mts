export type IntegrationName = 'client' | 'winston' | 'pino' | 'console' | 'pipe';

export interface Content {
  readonly name: string;
  /** The fields that are logged, or what is logged in their place, made anew. */
  make(): Record<string, unknown>;
  /** `information`, without the fields of the process. */
  readonly expected: Record<string, unknown>;
  /** What it is behind these integrations instead. */
  readonly differing?: Partial<Record<IntegrationName, unknown>>;
}

export const contents: readonly Content[];
