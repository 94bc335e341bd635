import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { BUILT_IN_SECTIONS } from '../../../server/src/composition/built-in-sections.ts';
import { openStore } from '../../../server/src/composition/store-tools.ts';
import type { Config } from '../../../server/src/config/config.ts';
import { loadConfig } from '../../../server/src/config/load.ts';
import { Violation } from './violation.ts';

/** What a crash may leave: bytes that nobody refers to, which the orphan sweep finds. */
const LEFT_BY_CRASHES: ReadonlySet<string> = new Set(['object-orphan', 'object-suspect']);

/** The configuration as the server reads it. */
export async function readConfig(file: Readonly<Record<string, unknown>>): Promise<Config> {
  const scratch = await mkdtemp(join(tmpdir(), 'zas-config-'));
  try {
    const path = join(scratch, 'config.json');
    await writeFile(path, JSON.stringify(file));
    const around = { flags: {}, env: {}, cwd: scratch, cores: 2, sections: BUILT_IN_SECTIONS };
    const loaded = await loadConfig({ file: path, ...around });
    if (!loaded.ok)
      throw new Error(loaded.problems.map(({ place, message }) => `${place} ${message}`).join('; '));
    return loaded.config;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Checks every reference of the store, as `zas fsck` does, in this process. Throws a Violation. */
export async function checkStore(config: Config): Promise<void> {
  const store = await openStore(config, {
    log: pino({ level: 'silent' }),
    createIfMissing: false,
  });
  try {
    for (const volume of store.volumes) {
      const report = await store.fsck(volume, { signal: new AbortController().signal });
      const leaks = report.notes.filter(({ kind }) => !LEFT_BY_CRASHES.has(kind));
      const problems = [...report.errors, ...leaks];
      if (problems.length === 0) continue;
      const lines = problems.map(({ kind, digest, detail }) => `${kind} ${digest ?? ''} ${detail}`);
      throw new Violation(`fsck found ${problems.length} problems:\n${lines.slice(0, 20).join('\n')}`);
    }
  } finally {
    await store.close();
  }
}
