import type { PeerKind } from './peer-kind.ts';

const ACCESS = { accessKeyId: 'benchmark', secretAccessKey: 'benchmark-secret', region: 'us-east-1' };

export const MINIO: PeerKind = {
  name: 'minio',
  settings:
    'one drive, as it is by default: it syncs what it writes into files, though not the names it gives them',
  // Its /ready answers before it takes requests.
  probe: '/minio/health/cluster',
  access: ACCESS,
  versionOf: (said) => (/\bminio\b/i.test(said) ? firstLine(said) : undefined),
  prepare: async ({ port, data }) => ({
    args: ['server', '--quiet', '--address', `127.0.0.1:${port}`, data],
    env: {
      MINIO_ROOT_USER: ACCESS.accessKeyId,
      MINIO_ROOT_PASSWORD: ACCESS.secretAccessKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
    },
  }),
};

export const VERSITYGW: PeerKind = {
  name: 'versitygw',
  settings:
    'posix backend with its metadata in extended attributes; whether it syncs what it acknowledges was not checked',
  probe: '/health',
  access: ACCESS,
  versionOf: (said) => (/versity/i.test(said) ? firstLine(said) : undefined),
  prepare: async ({ port, data }) => ({
    args: ['--port', `127.0.0.1:${port}`, '--health', '/health', '--quiet', 'posix', data],
    env: { ROOT_ACCESS_KEY: ACCESS.accessKeyId, ROOT_SECRET_KEY: ACCESS.secretAccessKey },
  }),
};

function firstLine(said: string): string {
  return said.split('\n')[0] ?? said;
}
