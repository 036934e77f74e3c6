import type { Cell } from './table.mjs';

/** How a process without Loghive ends: its exit code or the signal. */
export function controlOf(cell: Pick<Cell, 'end' | 'place'>, nodePath: string): Promise<string>;

/** Runs a cell once. Returns descriptions of its faults; none if it passed. */
export function tryCell(
  cell: Cell,
  run: { nodePath: string; url: string; service: string; control: string },
): Promise<string[]>;
