import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Client } from 'ldapts';
import type { LdapOptions } from './ldap-options.ts';

/**
 * A connection of its own to the directory, encrypted as the options say; unbind it. `timeoutMs` is for connecting, and
 * for each answer.
 */
export async function connectLdap(options: LdapOptions, timeoutMs: number): Promise<Client> {
  const { host, port, transport } = options;
  const tls = transport === 'plain' ? undefined : await tlsOptions(options);
  let isUsed = false;
  const client = new Client({
    url: `${transport === 'ldaps' ? 'ldaps' : 'ldap'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    timeout: timeoutMs,
    connectTimeout: timeoutMs,
    ...(transport === 'ldaps' && tls && { tlsOptions: tls }),
    // The client would connect again by itself, in the clear and bound as nobody.
    createConnection: ((...args: Parameters<typeof connect>) => {
      if (isUsed) throw new Error('the connection to the directory broke');
      isUsed = true;
      return connect(...args);
    }) as typeof connect, // of its overloads the client uses one
  });
  if (transport !== 'starttls') return client;
  try {
    await client.startTLS(tls);
    return client;
  } catch (error) {
    await client.unbind().catch(() => {});
    throw error;
  }
}

async function tlsOptions({ caPath, skipVerify, host }: LdapOptions): Promise<ConnectionOptions> {
  const ca = caPath === undefined ? undefined : await readFile(caPath);
  return { ...(ca && { ca }), rejectUnauthorized: !skipVerify, host };
}
