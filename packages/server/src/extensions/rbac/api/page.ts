import { z } from 'zod';

/** The query of a list in pages. */
export const pageQuery = z.strictObject({
  limit: z.coerce
    .number({ error: 'must be a number' })
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .meta({ description: 'How many at most.' }),
  after: z.string().max(512).default('').meta({ description: 'The `next` of the page before.' }),
});

/** What every list says of the next page. */
export const next = z
  .string()
  .optional()
  .meta({ description: 'Give it as `after`; missing on the last page.' });

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
