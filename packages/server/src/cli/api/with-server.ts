import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { StoreError } from '@zot-artifact-store/spec';
import type { Command } from 'commander';
import type { Environment } from '../../config/overrides.ts';
import { storedToken } from '../login/stored-token.ts';
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
ZAS_USER and ZAS_PASSWORD, by ZAS_ROOT_PASSWORD, or by "zas login" before.`;

/** The options every command that asks a server has. */
export function addServerOptions(command: Command): Command {
  return command
    .option('--server <url>', 'the server to ask (default: ZAS_SERVER, or http://127.0.0.1:8080)')
    .option(
      '--ca <file>',
      'certificates of authorities to trust besides the usual ones (default: ZAS_CA_FILE)',
    );
}

/**
 * The management API of the server the options name, as who the environment or else "zas login" says, unless
 * `authorization` says it. Throws `argument-invalid`.
 */
export async function openApi(
  { env }: Pick<Terminal, 'env'>,
  { server, ca }: ServerOptions,
  signal?: AbortSignal,
  { authorization }: { readonly authorization?: () => Promise<string | undefined> } = {},
): Promise<ApiClient> {
  await trust(ca ?? env.ZAS_CA_FILE);
  const url = serverUrl(server, env);
  const given = credentialsOf(env);
  return createApiClient({
    serverUrl: url,
    authorization: authorization ?? (async () => given ?? (await ofLogin(url, env))),
    ...(signal !== undefined && { signal }),
  });
}

/** What "zas login" got for this server. */
async function ofLogin(url: string, env: Environment): Promise<string | undefined> {
  const token = await storedToken(url, env);
  return token && `Bearer ${token}`;
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
