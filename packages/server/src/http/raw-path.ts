import { type ErrorKind, StoreError } from '@zot-artifact-store/spec';

/**
 * Decodes one part of a raw path where a name is expected. Throws `kind` for broken percent-encoding, and for an
 * encoded slash, backslash or control character: decoded late, those would make one name look like another.
 */
export function decodeName(raw: string, kind: ErrorKind = 'name-invalid'): string {
  if (!raw.includes('%')) return raw;
  let name: string;
  try {
    name = decodeURIComponent(raw);
  } catch (error) {
    throw new StoreError(kind, `"${raw.slice(0, 120)}" has a broken percent-encoding`, {
      resource: raw.slice(0, 120),
      cause: error,
    });
  }
  if (hasMore(name, raw, 47) || hasMore(name, raw, 92) || hasControl(name)) {
    throw new StoreError(kind, `"${raw.slice(0, 120)}" has an encoded slash or control character`, {
      resource: raw.slice(0, 120),
    });
  }
  return name;
}

/** Whether decoding made more of a character than the raw text had, so that some of them were encoded. */
function hasMore(decoded: string, raw: string, code: number): boolean {
  return count(decoded, code) > count(raw, code);
}

function count(text: string, code: number): number {
  let found = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === code) found++;
  return found;
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) < 32 || text.charCodeAt(i) === 127) return true;
  return false;
}
