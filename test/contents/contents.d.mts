export type IntegrationName = 'client' | 'winston' | 'pino' | 'console' | 'pipe';

export interface Content {
  readonly name: string;
  /** Creates the fields that are logged, or what is logged in their place. */
  make(): Record<string, unknown>;
  /** `information`, without the fields of the process. */
  readonly expected: Record<string, unknown>;
  /** What these integrations store instead. */
  readonly differing?: Partial<Record<IntegrationName, unknown>>;
}

export const contents: readonly Content[];
