/**
 * Real clients against a real server: installs every client it needs, then runs the suites of this folder.
 * A client that cannot be installed is a failure, never a skip.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installClients } from './clients.ts';

const here = dirname(fileURLToPath(import.meta.url));

installClients();
const result = spawnSync(
  process.execPath,
  [
    join(here, '../../node_modules/vitest/vitest.mjs'),
    'run',
    '--config',
    join(here, 'vitest.config.ts'),
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
);
process.exitCode = result.status ?? 1;
