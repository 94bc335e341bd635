import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface StartServerOptions {
  /** The content of a config file (written as JSON to a temporary folder), or the path of one. */
  readonly config?: Readonly<Record<string, unknown>> | string;
  /** Kept when the server ends; without it a temporary folder is made, and removed by `stop` and `kill`. */
  readonly dataDir?: string;
  readonly workers?: number;
  /** 0, and with it a free port, unless given. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Told the main process as soon as it runs, for those who cannot wait until it serves. */
  readonly onSpawned?: (pid: number) => void;
  /** Standard error goes to this file, and `logs` stays empty: for servers that log more than is worth reading. */
  readonly logPath?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningServer {
  readonly url: string;
  readonly rootUser: string;
  readonly rootPassword: string;
  /** For the `Authorization` header of root. */
  readonly rootAuthorization: string;
  readonly dataDir: string;
  /** The main process. */
  readonly pid: number;
  /** The whole readiness line. */
  readonly readinessLine: string;
  /** Resolves when the main process has ended, however it did. */
  readonly exited: Promise<Exit>;
  /** The log so far: what it wrote to standard error. */
  logs(): string;
  /** Standard output so far. */
  stdout(): string;
  /** Sends the signal to the main process and resolves when it has ended. */
  kill(signal: NodeJS.Signals): Promise<Exit>;
  /** Ends the server as an operator would; throws when it does not end with status 0. */
  stop(): Promise<void>;
}

/** A server that ended before it served, or not as it was asked to. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
  readonly exit: Exit;
  readonly stdout: string;
  readonly stderr: string;

  constructor(exit: Exit, output: { readonly stdout: string; readonly stderr: string }) {
    super(`the server ended with ${exit.signal ?? exit.code}:\n${output.stderr}`);
    this.exit = exit;
    this.stdout = output.stdout;
    this.stderr = output.stderr;
  }
}

const MAIN = fileURLToPath(new URL('../../server/src/main.ts', import.meta.url));
/** A failing test shows the end of the log; a long one must not fill the memory of its runner. */
const MAX_OUTPUT_CHARS = 4 * 1024 * 1024;
const MAX_SHOWN_CHARS = 8 * 1024;

/**
 * Starts the real server as a process of its own and resolves once it serves. Rejects with StartFailed when it ends
 * before that. Ends with the test process at the latest.
 */
export async function startServer(options: StartServerOptions = {}): Promise<RunningServer> {
  const scratch = await mkdtemp(join(tmpdir(), 'zas-server-'));
  const removeScratch = (): Promise<void> => rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  const dataDir = options.dataDir ?? join(scratch, 'data');
  const args = ['serve', '--port', String(options.port ?? 0)];
  const configPath = await writeConfig(options.config, scratch);
  if (configPath !== undefined) args.push('--config', configPath);
  if (!namesDataFolder(options)) args.push('--data', dataDir);
  if (options.workers !== undefined) args.push('--workers', String(options.workers));

  const logFile = options.logPath === undefined ? undefined : await open(options.logPath, 'a');
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', logFile?.fd ?? 'pipe'],
    env: { PATH: process.env.PATH ?? '', HOME: scratch, ...options.env },
  });
  await logFile?.close();
  if (child.pid !== undefined) options.onSpawned?.(child.pid);
  const killWithTests = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithTests);
  const output = collectOutput(child);
  const exited = once(child, 'close').then(async ([code, signal]): Promise<Exit> => {
    process.off('exit', killWithTests);
    await removeScratch();
    return { code, signal };
  });

  const line = await Promise.race([output.line(/\bready\b.*https?:/), exited]);
  const failed = async (exit: Exit): Promise<StartFailed> => {
    const { stdout, stderr } = output.text();
    const { logPath } = options;
    const log = logPath === undefined ? stderr : (await readFile(logPath, 'utf8')).slice(-MAX_SHOWN_CHARS);
    return new StartFailed(exit, { stdout, stderr: log });
  };
  if (typeof line !== 'string') throw await failed(line);
  const { pid } = child;
  const url = /https?:\/\/\S+/.exec(line)?.[0];
  if (pid === undefined || url === undefined) throw new Error(`not a readiness line: ${line}`);
  const rootUser = options.env?.ZAS_ROOT_USER ?? 'root';
  const rootPassword = options.env?.ZAS_ROOT_PASSWORD ?? (await readRootPassword(line));
  const kill = (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  return {
    url,
    rootUser,
    rootPassword,
    rootAuthorization: `Basic ${Buffer.from(`${rootUser}:${rootPassword}`).toString('base64')}`,
    dataDir,
    pid,
    readinessLine: line,
    exited,
    logs: () => output.text().stderr,
    stdout: () => output.text().stdout,
    kill,
    async stop() {
      const exit = await kill('SIGTERM');
      if (exit.code !== 0) throw await failed(exit);
    },
  };
}

async function writeConfig(
  config: StartServerOptions['config'],
  scratch: string,
): Promise<string | undefined> {
  if (config === undefined || typeof config === 'string') return config;
  const path = join(scratch, 'config.json');
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** A config that says where the data is must not be overruled, unless the caller names a folder. */
function namesDataFolder({ config, dataDir }: StartServerOptions): boolean {
  if (dataDir !== undefined || config === undefined) return false;
  return typeof config === 'string' || 'storage' in config;
}

async function readRootPassword(line: string): Promise<string> {
  const path = /root password in (.+)$/.exec(line)?.[1];
  if (path === undefined) throw new Error(`no root password in: ${line}`);
  return (await readFile(path, 'utf8')).trimEnd();
}

interface Output {
  text(): { readonly stdout: string; readonly stderr: string };
  /** The first line of standard output that matches. */
  line(pattern: RegExp): Promise<string>;
}

function collectOutput(child: ChildProcess): Output {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout = (stdout + chunk).slice(-MAX_OUTPUT_CHARS);
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-MAX_OUTPUT_CHARS);
  });
  return {
    text: () => ({ stdout, stderr }),
    line: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = stdout
            .split('\n')
            .slice(0, -1)
            .find((line) => pattern.test(line));
          if (found === undefined) return;
          child.stdout?.off('data', look);
          resolve(found);
        };
        child.stdout?.on('data', look);
      }),
  };
}
