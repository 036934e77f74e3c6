export interface Cell {
  readonly name: string;
  readonly integration: string;
  readonly end: string;
  readonly place: 'main' | 'thread' | 'cluster';
  readonly broker: 'up' | 'down' | 'stopped' | 'full' | 'unspooled';
}

/** All of them. */
export const CELLS: readonly Cell[];

/** A selection of those where the broker is not `up`: each way to end in each of these states. */
export const WITHOUT_BROKER: readonly Cell[];
