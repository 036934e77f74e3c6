export interface Installation {
  /** A new temporary folder around the next two. */
  folder: string;
  /** What `npm pack` made. */
  tarball: string;
  /** A folder whose node_modules holds that file and Winston, installed by npm. */
  app: string;
  remove(): Promise<void>;
}

/**
 * Packs this checkout (dist as it is) and installs the file and Winston into an empty application. About 4 s; the
 * network is asked only for what npm's cache does not have.
 */
export function installPackage(): Promise<Installation>;

/** Installs what the package.json in a folder asks for, and `packages`: names, or files such as `tarball`. */
export function installInto(folder: string, packages: string[]): Promise<void>;

/** Runs npm in a folder, without what `npm test` tells its children. @throws with what npm said. */
export function npm(cwd: string, args: string[]): Promise<{ stdout: string; stderr: string }>;

/**
 * Installs packages (`jest@30.5.2`: name and exact version each) into a cache below node_modules, once for all runs of
 * this checkout; gives the folder. Tools and programs that no application's folder should hold.
 */
export function installOnce(packages: string[]): Promise<string>;
