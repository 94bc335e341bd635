/** One more than asked is read, to know whether there is a next page. */
export function cutPage<T>(
  found: readonly T[],
  { limit, nameOf }: { readonly limit: number; readonly nameOf: (item: T) => string },
): { readonly page: readonly T[]; readonly next?: string } {
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return found.length > limit && last !== undefined ? { page, next: nameOf(last) } : { page };
}

export function isoTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
