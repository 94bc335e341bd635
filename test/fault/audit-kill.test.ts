import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit/server-launcher.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url));
const ROUNDS = 4;
const CLIENTS = 8;
/** The server is killed once so many changes of a round were acknowledged. */
const ENOUGH = 150;

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-audit-kill-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const config = {
  storage: { rootDirectory: 'set below' },
  log: { level: 'error' },
  // Small, so that a kill also meets rotations and checkpoints.
  extensions: { audit: { rotateSize: '64KiB', checkpointRecords: 20, keepFiles: 10_000 } },
};

function start(): Promise<RunningServer> {
  const storage = { rootDirectory: join(folder, 'data') };
  return startServer({
    config: { ...config, storage },
    workers: 2,
    env: { ZAS_ROOT_PASSWORD: 'a-root-password' },
  });
}

/** Starts uploads until the server is gone; resolves with the ids of the requests that were answered. */
async function change(server: RunningServer, onAnswer: () => void): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    try {
      const response = await fetch(`${server.url}/v2/app/blobs/uploads/`, {
        method: 'POST',
        headers: { authorization: server.rootAuthorization },
      });
      const id = response.headers.get('x-request-id');
      if (response.status !== 202 || id === null) throw new Error(`answered ${response.status}`);
      ids.push(id);
      onAnswer();
    } catch (error) {
      if (error instanceof TypeError) return ids; // fetch failed: the server is gone
      throw error;
    }
  }
}

async function trail(): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  const root = join(folder, 'data', 'audit');
  for (const stream of await readdir(root)) {
    for (const name of (await readdir(join(root, stream))).filter((each) => each.endsWith('.jsonl'))) {
      const lines = (await readFile(join(root, stream, name), 'utf8')).split('\n').slice(0, -1);
      for (const line of lines) {
        const { request } = JSON.parse(line) as { readonly request?: { readonly id: string } };
        if (request !== undefined) ids.add(request.id);
      }
    }
  }
  return ids;
}

function verify(): Promise<{ readonly code: number | null; readonly out: string }> {
  return new Promise((resolve, reject) => {
    const args = ['audit', 'verify', '--data', join(folder, 'data'), '--json'];
    const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env.PATH } });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      out += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out }));
  });
}

it('every acknowledged change is in the audit trail after kill -9, and its chain is whole', async () => {
  const acknowledged: string[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const server = await start();
    let answers = 0;
    const clients = Array.from({ length: CLIENTS }, () =>
      change(server, () => {
        answers += 1;
        if (answers === ENOUGH) void server.kill('SIGKILL');
      }),
    );
    acknowledged.push(...(await Promise.all(clients)).flat());
    await server.exited;
    const recorded = await trail();
    expect(acknowledged.filter((id) => !recorded.has(id))).toEqual([]);
  }
  expect(acknowledged.length).toBeGreaterThanOrEqual(ROUNDS * ENOUGH);
  // The last start goes on behind what the last kill left.
  await (await start()).stop();
  const { code, out } = await verify();
  expect({ code, out: JSON.parse(out) }).toMatchObject({ code: 0, out: { flaws: [], flawCount: 0 } });
  expect(JSON.parse(out).streams).toHaveLength(2);
});
