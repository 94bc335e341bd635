import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Contender, RunningContender } from './contender.ts';
import type { PeerKind } from './peer-kind.ts';
import { DOCKER_REGISTRY, ZOT } from './registry-kinds.ts';
import { MINIO, VERSITYGW } from './s3-kinds.ts';

/** zot before docker-registry: it too speaks of the distribution-spec. */
const KINDS: readonly PeerKind[] = [ZOT, DOCKER_REGISTRY, MINIO, VERSITYGW];

const STARTS_WITHIN_MS = 30_000;
const STOPS_WITHIN_MS = 20_000;

/** A peer by the path (or name on the PATH) of its binary. Throws when it does not run, or is not known here. */
export function peerBinary(binary: string): Contender {
  const { kind, version } = identify(binary);
  return {
    name: kind.name,
    description: `${version}; ${kind.settings}`,
    start: () => startPeer(binary, kind),
  };
}

function identify(binary: string): { readonly kind: PeerKind; readonly version: string } {
  const { stdout, stderr, error } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${binary} cannot be run: ${error.message}`);
  const said = `${stdout}${stderr}`.trim();
  for (const kind of KINDS) {
    const version = kind.versionOf(said, basename(binary));
    if (version !== undefined) return { kind, version };
  }
  const names = KINDS.map(({ name }) => name).join(', ');
  throw new Error(`${binary} is none of ${names} by its --version; start it yourself and give --peer-url`);
}

async function startPeer(binary: string, kind: PeerKind): Promise<RunningContender> {
  const folder = await mkdtemp(join(tmpdir(), 'zas-bench-peer-'));
  const port = await freePort();
  const logPath = join(folder, 'log');
  const data = join(folder, 'data');
  await mkdir(data);
  const { args, env } = await kind.prepare({ port, data, folder });
  const log = openSync(logPath, 'a');
  const child = spawn(binary, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
  closeSync(log);
  const killWithBench = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithBench);
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    process.off('exit', killWithBench);
    await end(child, exited);
    await rm(folder, { recursive: true, force: true });
  };
  if (!(await isServed(`${url}${kind.probe}`, child))) {
    const said = await readFile(logPath, 'utf8').catch(() => '');
    await stop();
    throw new Error(`${kind.name} does not serve:\n${said.slice(-2_000)}`);
  }
  return { url, pid: child.pid, stop, ...(kind.access !== undefined && { access: kind.access }) };
}

async function isServed(url: string, child: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + STARTS_WITHIN_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok === true) return true;
    await setTimeout(50);
  }
  return false;
}

async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await Promise.race([exited, setTimeout(STOPS_WITHIN_MS)]);
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await exited;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
