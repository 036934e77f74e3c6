/** The steps of `loghive doctor` for the folder where producers on this machine leave records. */
import { constants } from 'node:fs';
import { access, lstat, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { reasonOf } from '../../src/errors.js';
import { faultOf, temporaryFolder } from '../../src/publisher/spool/folder.js';
import { type SpoolFile, spoolFiles } from '../../src/publisher/spool/inventory.js';
import type { SpoolConfig } from '../../src/publisher/spool/spool.js';
import { counted } from '../../src/sentence.js';
import { sizeText } from '../columns.js';
import type { Step } from './steps.js';
import { failed, failedBecause, namesOf, note, ok, type Verdict } from './verdict.js';

const SET_FOLDER = 'Set LOGHIVE_SPOOL_DIR to a folder of the user that the application runs as.';

export function spoolSteps({ dir, maxBytes }: Pick<SpoolConfig, 'dir' | 'maxBytes'>): Step[] {
  return [
    { name: 'folder', run: () => lookAtFolder(dir) },
    { name: 'free space', needs: ['folder'], run: () => lookAtSpace(dir, maxBytes) },
    { name: 'leftovers', needs: ['folder'], run: () => lookAtFiles(dir) },
  ];
}

async function lookAtFolder(dir: string): Promise<Verdict[]> {
  const isTemporary = dir === temporaryFolder();
  try {
    if (!(await stat(dir)).isDirectory()) return [failed(`${dir} is not a folder`, SET_FOLDER)];
    // A producer refuses a symbolic link there.
    const fault = isTemporary ? faultOf(await lstat(dir)) : undefined;
    if (fault !== undefined) return [failed(`${dir} ${fault}`, SET_FOLDER)];
    await access(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      return [failed(`${dir} cannot be used: ${reasonOf(error)}`, SET_FOLDER)];
    }
    return [await judgeAbsent(dir)];
  }
  return [
    ok(`${dir} can be read and written`),
    ...(isTemporary
      ? [note('it is in the temporary folder of the system, which a restart of the machine may clear')]
      : []),
  ];
}

/** It is made when it is needed, if that is possible. */
async function judgeAbsent(dir: string): Promise<Verdict> {
  const above = await existingAbove(dir);
  try {
    await access(above, constants.W_OK | constants.X_OK);
    return ok(`${dir} does not exist; it is made when records have to wait`);
  } catch (error) {
    return failed(`${dir} does not exist and cannot be made in ${above}: ${reasonOf(error)}`, SET_FOLDER);
  }
}

async function existingAbove(dir: string): Promise<string> {
  for (let folder = dir; ; folder = path.dirname(folder)) {
    try {
      await stat(folder);
      return folder;
    } catch {
      if (folder === path.dirname(folder)) return folder;
    }
  }
}

async function lookAtSpace(dir: string, maxBytes: number): Promise<Verdict> {
  const { bavail, bsize } = await statfs(await existingAbove(dir));
  return judgeSpace(bavail * bsize, maxBytes);
}

/** Pure. */
export function judgeSpace(freeBytes: number, maxBytes: number): Verdict {
  if (freeBytes >= maxBytes) return ok(sizeText(freeBytes));
  return failed(
    `${sizeText(freeBytes)}, less than the ${sizeText(maxBytes)} that a service may leave there`,
    'Free disk space, or choose a folder on another disk.',
  );
}

async function lookAtFiles(dir: string): Promise<Verdict[]> {
  const faults: string[] = [];
  const files: SpoolFile[] = [];
  for await (const file of spoolFiles(dir, { onFault: (fault) => faults.push(fault) })) files.push(file);
  return judgeFiles(dir, files, faults);
}

/** Pure. */
export function judgeFiles(
  dir: string,
  files: ReadonlyArray<Pick<SpoolFile, 'service' | 'records' | 'damaged' | 'isInUse'>>,
  faults: readonly string[],
): Verdict[] {
  const left = files.filter(({ isInUse, records, damaged }) => !isInUse && records + damaged > 0);
  const verdicts = faults.map((fault) => failedBecause(fault, 'Correct its owner and its permissions.'));
  if (left.length > 0) {
    const records = left.reduce((sum, each) => sum + each.records, 0);
    const services = namesOf([...new Set(left.map(({ service }) => service))]);
    verdicts.push(
      failed(
        `${counted(records, 'record')} of ${services} left by processes that have ended`,
        `Start the service again, which sends them, or run loghive spool replay --dir ${dir}`,
      ),
    );
  }
  const damaged = files.reduce((sum, each) => sum + each.damaged, 0);
  if (damaged > 0) verdicts.push(note(`${counted(damaged, 'line')} on disk cannot be read`));
  if (verdicts.length > 0) return verdicts;
  const inUse = files.reduce((sum, each) => sum + each.records, 0);
  return [ok(inUse === 0 ? 'none' : `none; ${counted(inUse, 'record')} of running processes wait to be sent`)];
}
