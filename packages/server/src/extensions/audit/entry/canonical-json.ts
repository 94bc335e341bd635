export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/**
 * The canonical JSON (RFC 8785) of a value: names sorted by UTF-16 code units, no blanks. Numbers are whole, names that
 * are undefined are left out, and lone surrogates become U+FFFD, as the RFC wants Unicode that can be encoded.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed());
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  let text = '';
  const object = value as { readonly [name: string]: Json | undefined }; // what is left of the union
  for (const name of Object.keys(object).sort()) {
    const part = object[name];
    if (part !== undefined)
      text += `${text === '' ? '' : ','}${JSON.stringify(name.toWellFormed())}:${canonicalJson(part)}`;
  }
  return `{${text}}`;
}
