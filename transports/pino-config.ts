/**
 * What a Pino logger says of itself to the stream that it writes to: by an event of the stream where that is in the same
 * thread, by a message to the thread where it is in Pino's worker.
 */
import type { EventEmitter } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';

export interface PinoConfig {
  /** Names and numbers of the levels. */
  readonly levels?: { readonly values?: Readonly<Record<string, number>> };
  readonly messageKey?: string;
  readonly errorKey?: string;
}

/** Whether this runs in Pino's worker thread, and the logger's word is on its way. */
export function isConfigExpected(): boolean {
  return parentPort !== null && data()?.pinoWillSendConfig === true;
}

/** Calls back at each word of a logger; several may write to one stream. */
export function onPinoConfig(stream: EventEmitter, heard: (config: PinoConfig) => void): void {
  const listen = (message: unknown) => {
    const { code, config } = (message ?? {}) as { code?: unknown; config?: PinoConfig };
    if (code === 'PINO_CONFIG' && config) heard(config);
  };
  stream.on('message', listen);
  if (isConfigExpected()) parentPort?.on('message', listen);
}

/** thread-stream hands over the options of the target, or of all targets, as the data of its worker's own data. */
function data(): { pinoWillSendConfig?: unknown } | undefined {
  return (workerData as { workerData?: { pinoWillSendConfig?: unknown } } | null)?.workerData;
}
