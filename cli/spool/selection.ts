/** Which records on disk the commands are about. */
import { internalLogger } from '../../src/internal-logger.js';
import { type SpoolFile, spoolFiles } from '../../src/publisher/spool/inventory.js';
import { counted } from '../../src/sentence.js';
import { sizeText } from '../columns.js';
import type { OutputFormat } from '../subcommand.js';

export interface SpoolSelection {
  /** The folder that holds a folder for each service. */
  readonly dir: string;
  /** Default: all. */
  readonly service?: string;
  readonly output: OutputFormat;
}

/** The files that the options select. Reports what cannot be read; the exit code is 1 then. */
export async function filesOf({ dir, service }: Pick<SpoolSelection, 'dir' | 'service'>): Promise<SpoolFile[]> {
  const files: SpoolFile[] = [];
  const onFault = (fault: string) => {
    internalLogger.warning(fault);
    process.exitCode = 1;
  };
  for await (const file of spoolFiles(dir, { service, onFault })) files.push(file);
  return files;
}

/** What is free to be sent or deleted. */
export function waiting(files: readonly SpoolFile[]): { files: SpoolFile[]; records: number; words: string } {
  const free = files.filter(({ isInUse }) => !isInUse);
  const records = free.reduce((sum, each) => sum + each.records, 0);
  const bytes = free.reduce((sum, each) => sum + each.bytes, 0);
  return { files: free, records, words: `${counted(records, 'record')} (${sizeText(bytes)})` };
}
