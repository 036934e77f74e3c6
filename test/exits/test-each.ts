/** Defines a test for each cell, which runs it once. */
import { Semaphore } from 'async-mutex';
import { expect, test } from 'vitest';
import { uniqueName, useBroker } from '../support/use-servers.js';
import { controlOf, tryCell } from './cells.mjs';
import type { Cell } from './table.mjs';

/** More concurrent processes would get too little processor time. */
const slots = new Semaphore(4);
const controls = new Map<string, Promise<string>>();

function controlFor({ end, place }: Cell): Promise<string> {
  const key = `${end} ${place}`;
  const control = controls.get(key) ?? controlOf({ end, place }, process.execPath);
  controls.set(key, control);
  return control;
}

export async function testEach(cells: readonly Cell[]): Promise<void> {
  const { url } = await useBroker();
  test.concurrent.each(cells.map((cell) => [cell.name, cell] as const))(
    '%s',
    { timeout: 60_000 },
    async (_name, cell) => {
      const nodePath = process.execPath;
      const service = uniqueName('svc');
      const faults = await slots.runExclusive(async () => {
        const control = await controlFor(cell);
        return tryCell(cell, { nodePath, url, service, control });
      });
      expect(faults).toEqual([]);
    },
  );
}
