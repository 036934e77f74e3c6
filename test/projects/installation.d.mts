export interface Installation {
  /** A new temporary folder that contains the next two. */
  folder: string;
  /** The file created by `npm pack`. */
  tarball: string;
  /** A folder with that file and Winston in its node_modules, installed by npm. */
  app: string;
  remove(): Promise<void>;
}

/**
 * Packs this checkout (with the existing dist) and installs the file and Winston into an empty application. Takes about
 * 4 s; only packages that are not in npm's cache are downloaded.
 */
export function installPackage(): Promise<Installation>;

/** Installs the dependencies of the package.json in a folder, and `packages`: names, or files such as `tarball`. */
export function installInto(folder: string, packages: string[]): Promise<void>;

/** Runs npm in a folder, without the environment variables that `npm test` sets. @throws with npm's error output. */
export function npm(cwd: string, args: string[]): Promise<{ stdout: string; stderr: string }>;

/**
 * Installs packages (each with its exact version: `jest@30.5.2`) into a cache below node_modules, once for all runs of
 * this checkout, and returns the folder. For tools that must not be in an application's own folder.
 */
export function installOnce(packages: string[]): Promise<string>;
