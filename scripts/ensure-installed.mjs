// Runs on any Node from 20 up, before anything is installed: installs the locked dependencies when they are
// missing or older than the lock file, and does nothing (in a few milliseconds) when they are current.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');
const current =
  existsSync(installed) &&
  existsSync(join(root, 'node_modules', '.bin', 'node')) &&
  statSync(installed).mtimeMs >= statSync(lock).mtimeMs - 1000;

if (!current) {
  console.error('installing dependencies (npm ci) ...');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error('npm ci failed; fix what it says above and run the command again.');
    process.exit(result.status ?? 1);
  }
}
