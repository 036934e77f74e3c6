export interface Cell {
  readonly name: string;
  readonly integration: string;
  readonly end: string;
  readonly place: 'main' | 'thread' | 'cluster';
  readonly broker: 'up' | 'down' | 'stopped' | 'full' | 'unspooled';
}

/** All of them. */
export const CELLS: readonly Cell[];

/** With a broker: each way to end with each integration, and one way for each integration in the other places. */
export const WITH_BROKER: readonly Cell[];

/** Each way to end in two of the states without a usable broker. */
export const WITHOUT_BROKER: readonly Cell[];
