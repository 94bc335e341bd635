/** What a listing looks at, and how it groups. Empty prefix and delimiter mean none. */
export interface Grouping {
  readonly prefix: string;
  readonly delimiter: string;
}

/** The common prefix `key` rolls up into: up to and with the first delimiter after the prefix. */
export function commonPrefixOf(key: string, { prefix, delimiter }: Grouping): string | undefined {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}
