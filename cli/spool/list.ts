/** `loghive spool list`: what waits on disk, by service, level and state. */

import { LEVELS, type Level } from '../../src/level.js';
import { printableLine } from '../../src/printable.js';
import type { SpoolFile } from '../../src/publisher/spool/inventory.js';
import { columns, secondsText, sizeText } from '../columns.js';
import { openPrinter } from '../output.js';
import { filesOf, type SpoolSelection } from './selection.js';

/** The files of one folder, level and state. */
interface Row extends Pick<SpoolFile, 'service' | 'folder' | 'level' | 'isInUse'> {
  records: number;
  damaged: number;
  bytes: number;
  oldestS: number | undefined;
}

export async function listSpool(options: SpoolSelection): Promise<void> {
  const printer = openPrinter();
  const rows = rowsOf(await filesOf(options));
  if (options.output === 'json') {
    for (const row of rows) if (!(await printer.json(asJson(row)))) return;
    return;
  }
  if (rows.length === 0) {
    if (process.exitCode === undefined) await printer.line(`no records in ${printableLine(options.dir)}.`);
    return;
  }
  const head = ['SERVICE', 'LEVEL', 'RECORDS', 'SIZE', 'OLDEST (UTC)', 'STATE', 'FOLDER'];
  const lines = columns([head, ...rows.map(cells)], new Set([2, 3]));
  for (const line of lines) if (!(await printer.line(line))) return;
}

function rowsOf(files: readonly SpoolFile[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { service, folder, level, isInUse, records, damaged, bytes, oldestS } of files) {
    if (records + damaged === 0) continue;
    const key = `${folder} ${level} ${isInUse}`;
    const row = rows.get(key) ?? { service, folder, level, isInUse, records: 0, damaged: 0, bytes: 0, oldestS };
    row.records += records;
    row.damaged += damaged;
    row.bytes += bytes;
    row.oldestS = Math.min(row.oldestS ?? Number.POSITIVE_INFINITY, oldestS ?? Number.POSITIVE_INFINITY);
    rows.set(key, row);
  }
  const place = (level: Level) => LEVELS.indexOf(level);
  return [...rows.values()].sort(
    (a, b) =>
      a.folder.localeCompare(b.folder) || place(a.level) - place(b.level) || Number(a.isInUse) - Number(b.isInUse),
  );
}

function asJson({ oldestS, isInUse, ...row }: Row) {
  return { ...row, oldest: timeOf(oldestS), inUse: isInUse };
}

function timeOf(epochS: number | undefined): string | null {
  return epochS !== undefined && Number.isFinite(epochS) ? new Date(epochS * 1000).toISOString() : null;
}

function cells({ service, folder, level, isInUse, records, damaged, bytes, oldestS }: Row): string[] {
  const state = isInUse ? 'in use' : 'waiting';
  const oldest = timeOf(oldestS);
  return [
    printableLine(service),
    level,
    String(records),
    sizeText(bytes),
    oldest === null ? '' : secondsText(oldest),
    damaged === 0 ? state : `${state}, ${damaged} damaged`,
    printableLine(folder),
  ];
}
