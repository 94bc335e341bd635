const LONGEST_DATE = 40;
const DAY_NAMES = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/**
 * The time an HTTP-date spells (RFC 9110 5.6.7, all three forms), in milliseconds; undefined when it is not one.
 * `Date.parse` alone takes far more than that and reads the form without a zone as local time.
 */
export function parseHttpDate(text: string | undefined): number | undefined {
  if (text === undefined || text.length > LONGEST_DATE || !DAY_NAMES.includes(text.slice(0, 3)))
    return undefined;
  const ms = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The preferred form, `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}
