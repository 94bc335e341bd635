import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';

const PASSWORD_BYTES = 24; // 32 characters of base64url

/**
 * The password kept in the file at `path`, made when there is none: 32 random url-safe characters, readable by the
 * owner alone. Several processes may start at once; all come back with the same password. Throws `unavailable`.
 */
export async function keepRootPassword(path: string): Promise<string> {
  try {
    return (
      (await readKept(path)) ?? (await make(path)) ?? (await readKept(path)) ?? refuse(path, 'it vanished')
    );
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    return refuse(
      path,
      cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error',
      cause,
    );
  }
}

async function readKept(path: string): Promise<string | undefined> {
  try {
    const password = (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
    return password === '' ? refuse(path, 'it is empty; remove it to have a new one made') : password;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Written whole under a name of its own, made durable, then given its name by a link, which fails when another process
 * was first: nobody ever reads half a password, and nobody's password is replaced.
 */
async function make(path: string): Promise<string | undefined> {
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  const temporary = `${path}.${randomBytes(8).toString('hex')}`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await using handle = await open(temporary, 'wx', 0o600);
    await handle.writeFile(`${password}\n`);
    await handle.sync();
    await link(temporary, path);
    await syncFolder(dirname(path));
    return password;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function syncFolder(path: string): Promise<void> {
  await using handle = await open(path);
  await handle.sync();
}

function refuse(path: string, why: string, cause?: unknown): never {
  throw new StoreError('unavailable', `The root password cannot be kept in ${path} (${why}).`, { cause });
}
