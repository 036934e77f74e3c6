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

/** Installs what a package.json names into a cache below node_modules, once; gives the folder. */
export function installTool(manifest: string): Promise<string>;
