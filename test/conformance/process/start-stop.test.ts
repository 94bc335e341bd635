import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, type StartServerOptions, startServer } from '@zot-artifact-store/testkit';
import { StartFailed } from '@zot-artifact-store/testkit/server-launcher.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder = '';
let servers: RunningServer[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-process-'));
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.kill('SIGKILL')));
  servers = [];
  await rm(folder, { recursive: true, force: true });
});

async function start(options: StartServerOptions = {}): Promise<RunningServer> {
  const server = await startServer({ dataDir: join(folder, 'data'), workers: 2, ...options });
  servers.push(server);
  return server;
}

async function startFails(options: StartServerOptions): Promise<StartFailed> {
  try {
    await start(options);
  } catch (error) {
    if (error instanceof StartFailed) return error;
    throw error;
  }
  throw new Error('the server started');
}

/** Lines for people are those that are no JSON; in neither kind may there be a stack. */
function sentences({ stderr }: { readonly stderr: string }): string {
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
  const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  return lines.join('\n');
}

async function childrenOf(pid: number): Promise<number[]> {
  const pids = await readdir('/proc');
  const found: number[] = [];
  for (const entry of pids.filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    // "pid (name) state ppid ...", and a name may hold anything.
    const [, ppid] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    if (Number(ppid) === pid) found.push(Number(entry));
  }
  return found;
}

async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && status[status.lastIndexOf(')') + 2] !== 'Z';
}

describe('zas serve', () => {
  it('prints one readiness line with the URL, the data folder and where the root password is', async () => {
    const server = await start();
    const { dataDir, url } = server;
    expect(server.stdout()).toBe(
      `zas ready on ${url} · data ${dataDir} · root password in ${join(dataDir, 'root-password')}\n`,
    );
    expect(Number(new URL(url).port)).toBeGreaterThan(0);
    expect((await stat(join(dataDir, 'root-password'))).mode & 0o777).toBe(0o600);
    const reply = await fetch(`${url}/v2/`, { headers: { authorization: server.rootAuthorization } });
    expect(reply.status).toBe(200);
    expect((await fetch(`${url}/v2/`)).status).toBe(401);
  });

  it('takes the root user and password from the environment, and says so', async () => {
    const server = await start({
      env: { ZAS_ROOT_USER: 'admin', ZAS_ROOT_PASSWORD: 'from-the-environment' },
    });
    expect(server.readinessLine).toMatch(/root password from the environment$/);
    expect(server.readinessLine).not.toContain('from-the-environment');
    expect(await readdir(server.dataDir)).not.toContain('root-password');
    const reply = await fetch(`${server.url}/v2/`, { headers: { authorization: server.rootAuthorization } });
    expect(reply.status).toBe(200);
  });

  it.each([1, 2])(
    'ends with status 0 after SIGTERM, with %i workers, and starts again on the same data',
    async (workers) => {
      const first = await start({ workers });
      expect(await first.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      const second = await start({ workers });
      expect(second.rootPassword).toBe(first.rootPassword);
      expect(await second.kill('SIGINT')).toEqual({ code: 0, signal: null });
    },
  );

  it.each([1, 2])('finishes a request under way before it ends, with %i workers', async (workers) => {
    const server = await start({ workers });
    const headers = { authorization: server.rootAuthorization };
    const session = await fetch(`${server.url}/v2/a/blobs/uploads/`, { method: 'POST', headers });
    const location = new URL(session.headers.get('location') ?? '', server.url);
    const patch = request(location, {
      method: 'PATCH',
      headers: { ...headers, expect: '100-continue', 'transfer-encoding': 'chunked' },
    });
    const answered = once(patch, 'response');
    patch.flushHeaders();
    // From here on the server waits for the body.
    await once(patch, 'continue');
    const exited = server.kill('SIGTERM');
    await expect.poll(() => canConnect(server.url), { timeout: 30_000 }).toBe(false);
    patch.end('the body');
    const [response] = await answered;
    expect(response.statusCode).toBe(202);
    response.resume();
    expect(await exited).toEqual({ code: 0, signal: null });
  });

  it('leaves no worker behind when its main process is killed', async () => {
    const server = await start({ workers: 2 });
    const workers = await childrenOf(server.pid);
    expect(workers).toHaveLength(2);
    process.kill(server.pid, 'SIGKILL');
    await expect
      .poll(async () => (await Promise.all(workers.map(isAlive))).includes(true), {
        timeout: 1_000,
        interval: 20,
      })
      .toBe(false);
    await server.exited;
    // Nothing holds the folder: the next server has it at once.
    await (await start()).stop();
  });

  it('starts a worker again that died, on the same port', async () => {
    const server = await start({ workers: 2 });
    const [first] = await childrenOf(server.pid);
    if (first === undefined) throw new Error('no worker');
    process.kill(first, 'SIGKILL');
    await expect
      .poll(async () => (await childrenOf(server.pid)).filter((pid) => pid !== first).length, {
        timeout: 30_000,
      })
      .toBe(2);
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    await server.stop();
  });

  it('survives the death of all its workers at once', async () => {
    const server = await start({ workers: 2 });
    for (const pid of await childrenOf(server.pid)) process.kill(pid, 'SIGKILL');
    await expect.poll(() => canConnect(server.url), { timeout: 30_000 }).toBe(true);
    await server.stop();
  });

  it('ends with a sentence when its workers keep dying', async () => {
    const server = await start({ workers: 1 + 1 });
    let isOver = false;
    const exit = server.exited.then((end) => {
      isOver = true;
      return end;
    });
    while (!isOver) {
      for (const pid of await childrenOf(server.pid)) killIfThere(pid);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await exit).toEqual({ code: 1, signal: null });
    expect(sentences({ stderr: server.logs() })).toContain('workers keep dying');
  });
});

/** A process may end between being listed and being killed. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

describe('zas serve refuses to start', () => {
  it.each([1, 2])('on a port that is taken, with %i workers', async (workers) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const failed = await startFails({ workers, port });
    taken.close();
    expect(failed.exit).toEqual({ code: 3, signal: null });
    expect(sentences(failed)).toContain(`127.0.0.1:${port} is in use by another program`);
    expect(failed.stdout).toBe('');
  });

  it('in a folder that another server uses', async () => {
    const server = await start();
    const failed = await startFails({});
    expect(failed.exit).toEqual({ code: 1, signal: null });
    expect(sentences(failed)).toContain('is in use by another server');
    await server.stop();
  });

  it('where a file is in the way of the data folder', async () => {
    await writeFile(join(folder, 'file'), '');
    const failed = await startFails({ dataDir: join(folder, 'file') });
    expect(failed.exit.code).toBe(1);
    expect(sentences(failed)).toContain('is not a directory');
  });

  it('in a folder it may not write to', async () => {
    // Where not even root makes folders.
    const failed = await startFails({ dataDir: '/sys/zas-data' });
    expect(failed.exit).toEqual({ code: 1, signal: null });
    expect(sentences(failed)).toMatch(/is not writable for this user|read-only filesystem/);
  });

  it('with a config file that is wrong, naming every problem', async () => {
    const failed = await startFails({ config: { http: { port: 'many' }, storage: { colour: 'red' } } });
    expect(failed.exit).toEqual({ code: 2, signal: null });
    expect(sentences(failed)).toContain('storage');
    expect(sentences(failed)).toContain('colour');
  });

  it('with TLS files that are not there', async () => {
    const tls = { cert: join(folder, 'none.pem'), key: join(folder, 'none.key') };
    const failed = await startFails({ config: { http: { tls } } });
    expect(failed.exit.code).toBe(2);
    expect(sentences(failed)).toContain('none.pem');
  });

  it.each([1, 2])('with an extension that cannot be found, with %i workers', async (workers) => {
    const failed = await startFails({ workers, config: { extensions: { mine: { module: './mine.ts' } } } });
    expect(failed.exit).toEqual({ code: 2, signal: null });
    expect(sentences(failed)).toContain('extensions.mine.module');
  });
});

async function canConnect(url: string): Promise<boolean> {
  try {
    await fetch(`${url}/livez`);
    return true;
  } catch {
    return false;
  }
}
