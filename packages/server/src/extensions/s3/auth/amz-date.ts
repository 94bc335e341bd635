/** A point in time as a signed request spells it. */
export interface AmzDate {
  readonly atMs: number;
  /** `20130524T000000Z`, as it stands in a string to sign. */
  readonly iso: string;
}

const ISO_BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const RFC_1123 =
  /^(?:[A-Za-z]{3}, )?(\d\d?) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:GMT|UTC|[+-]0000)$/;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `20130524T000000Z`, or the `Tue, 27 Mar 2007 19:36:42 +0000` of old clients; the day of the week is not checked. */
export function parseAmzDate(text: string): AmzDate | undefined {
  const basic = ISO_BASIC.exec(text);
  if (basic !== null) {
    const [, year, month, day, hour, minute, second] = basic.map(Number);
    return fromFields([year, (month ?? 0) - 1, day, hour, minute, second], text);
  }
  const rfc = RFC_1123.exec(text);
  if (rfc === null) return undefined;
  const [, day, , year, hour, minute, second] = rfc.map(Number);
  return fromFields([year, MONTHS.indexOf((rfc[2] ?? '').toLowerCase()), day, hour, minute, second]);
}

export function formatAmzDate(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/** Undefined for a day or an hour that does not exist, and before 1970. */
function fromFields(fields: readonly (number | undefined)[], iso?: string): AmzDate | undefined {
  const [year = 0, month = -1, day = 0, hour = 0, minute = 0, second = 0] = fields;
  const atMs = Date.UTC(year, month, day, hour, minute, second);
  const back = new Date(atMs);
  const exists =
    atMs >= 0 &&
    back.getUTCMonth() === month &&
    back.getUTCDate() === day &&
    back.getUTCHours() === hour &&
    back.getUTCMinutes() === minute &&
    back.getUTCSeconds() === second;
  return exists ? { atMs, iso: iso ?? formatAmzDate(atMs) } : undefined;
}
