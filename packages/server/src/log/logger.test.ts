import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLog } from './logger.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-log-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function linesOf(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
}

describe('openLog', () => {
  it('appends JSON lines from its level up, with a readable time and level, to a file only its owner reads', async () => {
    const output = join(folder, 'deep', 'zas.log');
    const { log, flush } = openLog({ level: 'info', output }, { worker: 1 });
    log.debug('not this');
    log.info({ repository: 'a/b' }, 'manifest put');
    flush();
    expect(await linesOf(output)).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        pid: process.pid,
        worker: 1,
        repository: 'a/b',
        msg: 'manifest put',
      },
    ]);
    expect((await stat(output)).mode & 0o777).toBe(0o600);
  });

  it('does not write secrets, and writes causes', async () => {
    const output = join(folder, 'zas.log');
    const { log, flush } = openLog({ level: 'info', output });
    const err = new Error('outer', { cause: new Error('inner') });
    log.error({ err, password: 'hunter2', headers: { authorization: 'Basic abc' } }, 'failed');
    flush();
    const text = await readFile(output, 'utf8');
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('Basic abc');
    expect(text).toContain('inner');
  });

  it('says which file it cannot open', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(() => openLog({ level: 'info', output: join(folder, 'file', 'log') })).toThrow(/cannot be opened/);
  });
});
