import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const EXAMPLE = fileURLToPath(new URL('../../../examples/push-gate-extension/', import.meta.url));

let folder = '';
let server: RunningServer | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-extension-'));
});
afterEach(async () => {
  await server?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

describe('an extension in a folder of its own, where nothing is installed', () => {
  it('is loaded from beside the config file, with the packages of the server', async () => {
    await cp(join(EXAMPLE, 'src'), join(folder, 'push-gate'), { recursive: true });
    const config = {
      http: { port: 0 },
      storage: { rootDirectory: join(folder, 'data') },
      extensions: { 'push-gate': { module: './push-gate/extension.ts', journal: join(folder, 'journal') } },
    };
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    server = await startServer({ config: join(folder, 'config.json'), workers: 1 });

    const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
    const push = await fetch(`${server.url}/v2/demo/manifests/v1`, {
      method: 'PUT',
      headers: { 'content-type': index.mediaType },
      body: JSON.stringify(index),
    });
    // The veto threw the server's own kind of error, or this would be a 500.
    expect(push.status).toBe(403);
    expect(await push.json()).toMatchObject({ errors: [{ code: 'DENIED' }] });
  });
});
