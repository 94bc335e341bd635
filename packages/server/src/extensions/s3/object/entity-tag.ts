/** Quoted, as headers and most documents have it. */
export function quoted(etag: string): string {
  return `"${etag}"`;
}

/** Without quotes and weakness, both of which clients leave out or add as they like. */
export function unquoted(text: string): string {
  const strong = text.startsWith('W/') ? text.slice(2) : text;
  const from = strong.startsWith('"') ? 1 : 0;
  const to = strong.length > from && strong.endsWith('"') ? strong.length - 1 : strong.length;
  return strong.slice(from, to);
}

/** Whether a comma-separated list of entity tags, or `*`, names this one. */
export function namesEtag(list: string, etag: string): boolean {
  // The common case by far.
  if (!list.includes(',')) return isNamed(list.trim(), etag);
  return list.split(',').some((item) => isNamed(item.trim(), etag));
}

function isNamed(item: string, etag: string): boolean {
  return item === '*' || unquoted(item) === etag;
}
