#!/usr/bin/env node
// Runs the server under the Node it needs: this one, or the one of the `node` package when that is installed.
// Plain JavaScript that every Node since 18 understands.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED_MAJOR = 24;
const folder = dirname(dirname(fileURLToPath(import.meta.url)));
// A checkout runs its sources; a published package has none.
const main = [join(folder, 'src', 'main.ts'), join(folder, 'dist', 'main.js')].find((path) =>
  existsSync(path),
);

if (main === undefined) {
  fail('the server is not built; run "npx tsc -b" first.');
} else if (Number.parseInt(process.versions.node, 10) >= NEEDED_MAJOR) {
  await import(pathToFileURL(main).href);
} else {
  const newer = findNewerNode();
  if (newer === undefined) {
    fail(
      `Node.js ${NEEDED_MAJOR} or newer is needed, and this is ${process.version}. Install it, or run "npm install node@${NEEDED_MAJOR}" beside this package.`,
    );
  } else {
    runUnder(newer, main);
  }
}

function findNewerNode() {
  for (const base of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      const manifest = createRequire(base).resolve('node/package.json');
      const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
      if (existsSync(binary)) return binary;
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

function runUnder(node, script) {
  // When this process is killed nothing can be forwarded, so the server looks after its parent.
  const watch =
    'const parent = process.ppid; setInterval(() => { if (process.ppid !== parent) process.exit(1); }, 250).unref();';
  const options = ['--import', `data:text/javascript,${encodeURIComponent(watch)}`];
  const child = spawn(node, [...options, script, ...process.argv.slice(2)], { stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`${node} cannot be run: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    for (const own of signals) process.removeAllListeners(own);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  console.error(`zas: ${message}`);
  process.exitCode = 1;
}
