import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolders } from './make-folders.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zas-folders-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('makeFolders', () => {
  it('makes what is missing, with the mode, and names the topmost it made', () => {
    expect(makeFolders(join(folder, 'a', 'b', 'c'), 0o700)).toBe(join(folder, 'a'));
    expect(statSync(join(folder, 'a', 'b', 'c')).mode & 0o777).toBe(0o700);
    expect(makeFolders(join(folder, 'a', 'b', 'd'), 0o700)).toBe(join(folder, 'a', 'b', 'd'));
    expect(makeFolders(join(folder, 'a'), 0o700)).toBeUndefined();
  });

  it('fails where a file is in the way', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => makeFolders(join(folder, 'file'), 0o700)).toThrow(/EEXIST/);
    expect(() => makeFolders(join(folder, 'file', 'a'), 0o700)).toThrow(/ENOTDIR/);
  });

  it('fails where nobody can make anything, instead of trying for ever', () => {
    expect(() => makeFolders('/proc/zas/data', 0o700)).toThrow();
  });
});
