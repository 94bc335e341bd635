import { z } from 'zod';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const MAX_CURSOR_CHARS = 4096;

/** The query parameters of every list: spread them into the schema of the query, beside the filters. */
export const pageQuery = {
  limit: z.coerce
    .number({ error: 'must be a whole number' })
    .int('must be a whole number')
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT)
    .meta({ description: 'How many items at most.' }),
  after: z
    .string()
    .max(MAX_CURSOR_CHARS)
    .optional()
    .meta({ description: 'The `next` of the page before, as it was given.' }),
};

/** What every list answers. `next` is there when there may be more, also after a page with few items or none. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({
    items: z.array(item),
    next: z.string().optional().meta({ description: 'Give it as `after` to get what follows.' }),
  });
}
