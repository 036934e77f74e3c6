import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, folderName, prepareFolder } from '../../../src/publisher/spool/folder.js';
import { onEnd } from '../../support/use-servers.js';

const host = { protocol: 'amqp', hostname: 'rabbit', port: 5672, username: 'a', password: 'b', vhost: '/' } as const;

function useFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'loghive-folder-test-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('the folder of a service', () => {
  it('belongs to a broker, whatever the credentials and the order of its nodes', () => {
    const name = folderName('shop', { hosts: [host, { ...host, hostname: 'other' }] });
    expect(name).toMatch(/^shop-[0-9a-f]{8}$/);
    expect(folderName('shop', { hosts: [{ ...host, hostname: 'other', password: 'new' }, host] })).toBe(name);
    expect(folderName('shop', { hosts: [host] })).not.toBe(name);
    expect(folderName('shop', { hosts: [{ ...host, vhost: 'b' }] })).not.toBe(folderName('shop', { hosts: [host] }));
  });

  it('is created with all above it, for its user only', () => {
    const folder = path.join(useFolder(), 'a', 'b', 'shop-12345678');
    prepareFolder(folder);
    prepareFolder(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('is refused if it is a link, a file, or open to other users', () => {
    const top = useFolder();
    mkdirSync(path.join(top, 'real'));
    symlinkSync(path.join(top, 'real'), path.join(top, 'link'));
    writeFileSync(path.join(top, 'file'), '');
    mkdirSync(path.join(top, 'open'));
    chmodSync(path.join(top, 'open'), 0o777);
    expect(() => prepareFolder(path.join(top, 'link'))).toThrow(
      /link is not a folder \(symbolic links are refused\)\. Set LOGHIVE_SPOOL_DIR/,
    );
    expect(() => prepareFolder(path.join(top, 'file'))).toThrow(/is not a folder/);
    expect(() => prepareFolder(path.join(top, 'open'))).toThrow(/can be written to by other users/);
  });

  it('is refused if it belongs to another user', () => {
    const stats = { isDirectory: () => true, uid: 1001, mode: 0o40700 };
    expect(faultOf(stats, 1000)).toBe('belongs to another user (uid 1001)');
    expect(faultOf(stats, 1001)).toBeUndefined();
  });
});
