import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { formatPath, type Problem } from './key-path.ts';
import { errorCode } from './overrides.ts';
import type { ConfigFile } from './schema.ts';

/** A client at an issuer, by the name of its provider. */
export type OpenidCredentials = ReadonlyMap<
  string,
  { readonly clientId: string; readonly clientSecret: string }
>;

const MAX_BYTES = 64 * 1024;
const content = z.strictObject({ clientid: z.string().min(1), clientsecret: z.string() });

/** What the `credentialsFile` of each openid provider holds; as in zot, a key that is missing or unknown is a problem. */
export async function readOpenidCredentials(
  file: ConfigFile,
): Promise<{ readonly credentials: OpenidCredentials; readonly problems: readonly Problem[] }> {
  const credentials = new Map<string, { readonly clientId: string; readonly clientSecret: string }>();
  const problems: Problem[] = [];
  for (const [name, { credentialsFile }] of Object.entries(file.http?.auth?.openid?.providers ?? {})) {
    if (!credentialsFile) continue;
    const place = formatPath(['http', 'auth', 'openid', 'providers', name, 'credentialsFile']);
    const read = await readCredentials(credentialsFile);
    if (typeof read === 'string')
      problems.push({ place, message: `names ${credentialsFile}, which ${read}` });
    else credentials.set(name, { clientId: read.clientid, clientSecret: read.clientsecret });
  }
  return { credentials, problems };
}

async function readCredentials(path: string): Promise<z.output<typeof content> | string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return `cannot be read (${errorCode(error)})`;
  }
  const why = 'must be a JSON object with the keys "clientid" and "clientsecret"';
  if (Buffer.byteLength(text) > MAX_BYTES) return why;
  try {
    const parsed = content.safeParse(lowerKeys(JSON.parse(text)));
    return parsed.success ? parsed.data : why;
  } catch {
    return why;
  }
}

/** Keys are case-insensitive, as in zot. */
function lowerKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key.toLowerCase(), part]));
}
