import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Launch, PeerKind } from './peer-kind.ts';

export const DOCKER_REGISTRY: PeerKind = {
  name: 'docker-registry',
  settings: "in-memory descriptor cache as in Debian's own configuration, no authentication, log to a file",
  probe: '/v2/',
  versionOf: (said) => (/docker\/distribution|distribution\/distribution/.test(said) ? said : undefined),
  prepare: ({ port, data, folder }) =>
    withConfig(
      join(folder, 'config.yml'),
      `version: 0.1
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
    ),
};

export const ZOT: PeerKind = {
  name: 'zot',
  settings: '"commit": true so that it too syncs what it acknowledges, no authentication, log to a file',
  probe: '/v2/',
  versionOf(said, fileName) {
    if (!/\bzot/.test(said) && !fileName.startsWith('zot')) return undefined;
    // It tells its version as a line of its log. A build that was not stamped has no commit in it.
    const commit = /"commit":"([^"]+)"/.exec(said)?.[1] ?? 'commit unknown';
    const type = /"binary-type":"([^"]+)"/.exec(said)?.[1] ?? 'build unknown';
    return `zot ${commit}, ${type}`;
  },
  prepare: ({ port, data, folder }) =>
    withConfig(
      join(folder, 'config.json'),
      JSON.stringify({
        distSpecVersion: '1.1.1',
        storage: { rootDirectory: data, commit: true },
        http: { address: '127.0.0.1', port: String(port) },
        log: { level: 'info' },
      }),
    ),
};

async function withConfig(path: string, text: string): Promise<Launch> {
  await writeFile(path, text);
  return { args: ['serve', path], env: {} };
}
