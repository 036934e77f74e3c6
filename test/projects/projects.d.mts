import type { Installation } from './installation.mjs';

/** The folders beside this file that are applications: `esm`, `commonjs`, `jest`, `typescript-…`. */
export const PROJECTS: readonly string[];
/** Records that each of them logs. */
export const ORDERS: number;

export interface Project {
  name: string;
  folder: string;
  /** The program that logs, and its arguments. */
  file: string;
  args: string[];
}

/** Copies a project into a new folder of the installation, with its node_modules; compiles it where it is TypeScript. */
export function prepareProject(name: string, installation: Installation): Promise<Project>;

/**
 * Runs it as `service` until it ends by itself; gives its output. Rejects with it when the exit code is not 0 or when it
 * takes more than 60 s.
 */
export function runProject(
  project: Project,
  options: { url: string; service: string; nodePath?: string },
): Promise<string[]>;

/** Looks for the records of one run in `logs.records`: one sentence for each that is missing, doubled or wrong. */
export function faultsOf(
  service: string,
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever the query selects
  query: (sql: string, params?: unknown[]) => Promise<any[]>,
): Promise<string[]>;
