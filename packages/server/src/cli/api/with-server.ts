import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { StoreError } from '@zot-artifact-store/spec';
import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { type ApiClient, createApiClient } from './api-client.ts';
import { credentialsOf } from './api-credentials.ts';
import { serverUrl } from './server-url.ts';

export interface ServerOptions {
  readonly server?: string;
  readonly ca?: string;
}

/** Where a command that asks a server finds it and says who asks; at the end of its help. */
export const SERVER_NOTES = `
The server is that of --server or ZAS_SERVER. Who asks is said by ZAS_TOKEN (an API key or a token), by
ZAS_USER and ZAS_PASSWORD, or by ZAS_ROOT_PASSWORD.`;

/** The options every command that asks a server has. */
export function addServerOptions(command: Command): Command {
  return command
    .option('--server <url>', 'the server to ask (default: ZAS_SERVER, or http://127.0.0.1:8080)')
    .option(
      '--ca <file>',
      'certificates of authorities to trust besides the usual ones (default: ZAS_CA_FILE)',
    );
}

/** The management API of the server the options name, as who the environment says. Throws `argument-invalid`. */
export async function openApi(
  { env }: Pick<Terminal, 'env'>,
  { server, ca }: ServerOptions,
  signal?: AbortSignal,
): Promise<ApiClient> {
  await trust(ca ?? env.ZAS_CA_FILE);
  const authorization = credentialsOf(env);
  return createApiClient({
    serverUrl: serverUrl(server, env),
    authorization: async () => authorization,
    ...(signal !== undefined && { signal }),
  });
}

async function trust(path: string | undefined): Promise<void> {
  if (!path) return;
  try {
    const added = await readFile(path, 'utf8');
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), added]);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new StoreError('argument-invalid', `${path} does not give certificates to trust (${code}).`, {
      cause,
    });
  }
}
