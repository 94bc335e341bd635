import { readFileSync } from 'node:fs';

/** The version of this server, of its package.json. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string }; // our own package.json
  return version;
}
