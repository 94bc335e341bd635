import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

let folder = '';
let npm: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-npm-'));
});
afterEach(async () => {
  npm?.kill('SIGTERM');
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** What a newcomer types. Resolves with the readiness line's URL. */
async function npmStart(): Promise<{ readonly npm: ChildProcess; readonly url: string }> {
  const child = spawn('npm', ['start', '--', '--port', '0', '--data', join(folder, 'data')], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, as a shell gives to what is typed.
    detached: true,
  });
  npm = child;
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  await expect.poll(() => `${stdout}${stderr}`, { timeout: 30_000 }).toMatch(/ready on http/);
  return { npm: child, url: /https?:\/\/\S+/.exec(stdout)?.[0] ?? '' };
}

async function isServed(url: string): Promise<boolean> {
  try {
    await fetch(`${url}/livez`);
    return true;
  } catch {
    return false;
  }
}

describe('npm start', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'stops the server and ends with its status after %s',
    async (signal) => {
      const started = await npmStart();
      expect(await isServed(started.url)).toBe(true);
      const exited = once(started.npm, 'exit');
      started.npm.kill(signal);
      expect(await exited).toEqual([0, null]);
      expect(await isServed(started.url)).toBe(false);
    },
  );

  it('drains after Ctrl-C, which reaches the server from the terminal and from npm', async () => {
    const started = await npmStart();
    const exited = once(started.npm, 'exit');
    process.kill(-(started.npm.pid ?? Number.NaN), 'SIGINT');
    expect(await exited).toEqual([0, null]);
    expect(await isServed(started.url)).toBe(false);
  });

  it('leaves no server behind when npm is killed', async () => {
    const started = await npmStart();
    const server = Number(await readFile(join(folder, 'data', 'zas.pid'), 'utf8'));
    started.npm.kill('SIGKILL');
    await expect.poll(() => isServed(started.url), { timeout: 30_000 }).toBe(false);
    await expect.poll(() => isAlive(server), { timeout: 30_000 }).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
