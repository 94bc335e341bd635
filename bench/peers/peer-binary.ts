import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Contender, ContenderName, RunningContender } from './contender.ts';

/** What differs between registries that are started the same way. */
interface PeerKind {
  readonly name: ContenderName;
  readonly configFile: string;
  readonly settings: string;
  config(options: { readonly port: number; readonly data: string }): string;
}

const DOCKER_REGISTRY: PeerKind = {
  name: 'docker-registry',
  configFile: 'config.yml',
  settings: "in-memory descriptor cache as in Debian's own configuration, no authentication, log to a file",
  config: ({ port, data }) => `version: 0.1
log:
  level: info
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: ${JSON.stringify(data)}
  delete:
    enabled: true
http:
  addr: 127.0.0.1:${port}
  headers:
    X-Content-Type-Options: [nosniff]
`,
};

const ZOT: PeerKind = {
  name: 'zot',
  configFile: 'config.json',
  settings: '"commit": true so that it too syncs what it acknowledges, no authentication, log to a file',
  config: ({ port, data }) =>
    JSON.stringify({
      distSpecVersion: '1.1.1',
      storage: { rootDirectory: data, commit: true },
      http: { address: '127.0.0.1', port: String(port) },
      log: { level: 'info' },
    }),
};

const STARTS_WITHIN_MS = 30_000;
const STOPS_WITHIN_MS = 20_000;

/** A registry by the path (or name on the PATH) of its binary: `docker-registry` (distribution) or zot. */
export function peerBinary(binary: string): Contender {
  const { kind, version } = identify(binary);
  return {
    name: kind.name,
    description: `${version}; ${kind.settings}`,
    start: () => startPeer(binary, kind),
  };
}

/** Throws when the binary does not run, or is no registry we know how to configure. */
function identify(binary: string): { readonly kind: PeerKind; readonly version: string } {
  const { stdout, stderr, error } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${binary} cannot be run: ${error.message}`);
  const said = `${stdout}${stderr}`;
  // Before the other: zot too speaks of the distribution-spec.
  if (/\bzot/.test(said) || basename(binary).startsWith('zot'))
    return { kind: ZOT, version: zotVersion(said) };
  if (/docker\/distribution|distribution\/distribution/.test(said)) {
    return { kind: DOCKER_REGISTRY, version: said.trim() };
  }
  throw new Error(
    `${binary} is neither docker-registry nor zot by its --version; start it yourself and give --peer-url`,
  );
}

/** zot tells its version as a line of its log. A build that was not stamped has no commit in it. */
function zotVersion(said: string): string {
  const commit = /"commit":"([^"]+)"/.exec(said)?.[1] ?? 'commit unknown';
  const type = /"binary-type":"([^"]+)"/.exec(said)?.[1] ?? 'build unknown';
  return `zot ${commit}, ${type}`;
}

async function startPeer(binary: string, kind: PeerKind): Promise<RunningContender> {
  const folder = await mkdtemp(join(tmpdir(), 'zas-bench-peer-'));
  const port = await freePort();
  const configPath = join(folder, kind.configFile);
  const logPath = join(folder, 'log');
  await writeFile(configPath, kind.config({ port, data: join(folder, 'data') }));
  const log = openSync(logPath, 'a');
  const child = spawn(binary, ['serve', configPath], { stdio: ['ignore', log, log] });
  const killWithBench = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithBench);
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    process.off('exit', killWithBench);
    await end(child, exited);
    await rm(folder, { recursive: true, force: true });
  };
  if (!(await isServed(url, child))) {
    const said = await readFile(logPath, 'utf8').catch(() => '');
    await stop();
    throw new Error(`${kind.name} does not serve:\n${said.slice(-2_000)}`);
  }
  return { url, pid: child.pid, stop };
}

async function isServed(url: string, child: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + STARTS_WITHIN_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const response = await fetch(`${url}/v2/`).catch(() => undefined);
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
