import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import type { Environment } from '../../config/overrides.ts';
import { configFolder } from './config-folder.ts';

const login = z.object({
  provider: z.string(),
  issuer: z.string(),
  clientId: z.string(),
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  expiresAtMs: z.number(),
});
const content = z.object({ version: z.literal(1), logins: z.record(z.string(), login) });

/** What `zas login` got of an issuer. */
export type Login = z.output<typeof login>;

const LOCK_PAUSE_MS = 100;
const LOCK_TRIES = 150;
/** Who held a lock for so long has died. */
const STALE_LOCK_MS = 60_000;

/** The logins of this user of the machine by server, in a file that nobody else may read. */
export class LoginFile {
  readonly path: string;

  constructor(env: Environment) {
    this.path = join(configFolder(env), 'logins.json');
  }

  /** Throws `argument-invalid` for a file that cannot be understood. */
  async get(serverUrl: string): Promise<Login | undefined> {
    return (await this.#read())[serverUrl];
  }

  /** Changes the login at one server; what `change` returns is kept, undefined removes it. One process at a time. */
  async update(
    serverUrl: string,
    change: (before: Login | undefined) => Promise<Login | undefined>,
  ): Promise<Login | undefined> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const release = await this.#lock();
    try {
      const { [serverUrl]: before, ...others } = await this.#read();
      const after = await change(before);
      await this.#write(after === undefined ? others : { ...others, [serverUrl]: after });
      return after;
    } finally {
      await release();
    }
  }

  async #read(): Promise<Readonly<Record<string, Login>>> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
      throw new StoreError('argument-invalid', `The logins in ${this.path} cannot be read.`, {
        cause: error,
      });
    }
    try {
      return content.parse(JSON.parse(text)).logins;
    } catch (cause) {
      throw new StoreError('argument-invalid', `${this.path} holds no logins; remove it and log in again.`, {
        cause,
      });
    }
  }

  /** Whole or not at all. */
  async #write(logins: Readonly<Record<string, Login>>): Promise<void> {
    const temporary = `${this.path}.${randomBytes(6).toString('hex')}`;
    try {
      await using handle = await open(temporary, 'wx', 0o600);
      await handle.writeFile(`${JSON.stringify({ version: 1, logins }, null, 2)}\n`);
      await handle.sync();
      await rename(temporary, this.path);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** A refresh token often counts once: two processes must not use it at the same time. */
  async #lock(): Promise<() => Promise<void>> {
    const path = `${this.path}.lock`;
    for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
      try {
        const handle = await open(path, 'wx', 0o600);
        await handle.close();
        return () => rm(path, { force: true });
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      const age = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      if (age > STALE_LOCK_MS) await rm(path, { force: true });
      else await wait(LOCK_PAUSE_MS);
    }
    throw new StoreError('unavailable', `Another zas holds ${path}; remove it when there is none.`);
  }
}
