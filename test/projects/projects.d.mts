import type { Installation } from './installation.mjs';

/** The folders next to this file that are applications: `esm`, `commonjs`, `jest`, `typescript-…`. */
export const PROJECTS: readonly string[];
/** Number of records that each of them logs. */
export const ORDERS: number;

export interface Project {
  name: string;
  folder: string;
  /** The program that logs, and its arguments. */
  file: string;
  args: string[];
}

/** Copies a project into a new folder of the installation, with its node_modules, and compiles TypeScript. */
export function prepareProject(name: string, installation: Installation): Promise<Project>;

/**
 * Runs it as `service` until it ends by itself, and returns its output. Rejects with the output if the exit code is not
 * 0 or if it takes more than 60 s.
 */
export function runProject(
  project: Project,
  options: { url: string; service: string; nodePath?: string },
): Promise<string[]>;

/** Checks the records of one run in `logs.records`. Describes each that is missing, stored twice or wrong. */
export function faultsOf(
  service: string,
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever the query selects
  query: (sql: string, params?: unknown[]) => Promise<any[]>,
): Promise<string[]>;
