/** Go's duration units in milliseconds; `us` has the two micro signs of Unicode as aliases, as in Go. */
const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const SIZE_UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  tb: 1000 ** 4,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** Timers and arithmetic stay exact below this; it is about 31 years. */
const MAX_DURATION_MS = 1e12;
const MAX_TEXT_LENGTH = 40;
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
const SIZE = /^(\d+(?:\.\d+)?) ?([a-z]+)$/i;

export type Parsed =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly why: string };

/**
 * A duration the way Go writes it (`1h30m`, `90s`, `1.5h`, `0`), in whole milliseconds. Plain numbers other than 0 are
 * refused: Go's decoder would take them as nanoseconds, which nobody means.
 */
export function parseDuration(input: string | number): Parsed {
  const text = String(input).trim();
  if (text === '0') return { ok: true, value: 0 };
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) {
    return no(
      `${text} has no unit; write "${text}s" for seconds, "${text}m" for minutes or "${text}h" for hours`,
    );
  }
  if (text.startsWith('-')) return no('a duration cannot be negative');
  const body = text.startsWith('+') ? text.slice(1) : text;
  if (body === '' || text.length > MAX_TEXT_LENGTH) return no(durationForm(text));
  let totalMs = 0;
  DURATION_PART.lastIndex = 0;
  while (DURATION_PART.lastIndex < body.length) {
    const [, amount, unit] = DURATION_PART.exec(body) ?? [];
    const unitMs = UNIT_MS[unit ?? ''];
    if (amount === undefined || unitMs === undefined) return no(durationForm(text));
    totalMs += Number(amount) * unitMs;
  }
  if (totalMs > MAX_DURATION_MS) return no(`"${text}" is too long`);
  return { ok: true, value: wholeMs(totalMs) };
}

/** A size in bytes: a plain whole number, or a number with a unit (`64MiB`, `10MB`, `1.5GiB`). */
export function parseSize(input: string | number): Parsed {
  const text = String(input).trim();
  const [, amount, unit] = text.length > MAX_TEXT_LENGTH ? [] : (SIZE.exec(text) ?? []);
  const unitBytes = /^\d+$/.test(text) ? 1 : SIZE_UNIT_BYTES[unit?.toLowerCase() ?? ''];
  const bytes = Number(amount ?? text) * (unitBytes ?? Number.NaN);
  if (!Number.isFinite(bytes)) {
    return no(
      `"${shorten(text)}" is not a size; write bytes, or a number with a unit as in "64MiB" or "10MB"`,
    );
  }
  if (!Number.isSafeInteger(Math.round(bytes))) return no(`"${text}" is too large`);
  return { ok: true, value: Math.round(bytes) };
}

/** The largest unit first, as Go prints it: 5400000 is `1h30m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  let left = ms;
  let text = '';
  for (const unit of ['h', 'm', 's', 'ms'] as const) {
    const unitMs = UNIT_MS[unit] ?? 1;
    const amount = Math.floor(left / unitMs);
    if (amount > 0) text += `${amount}${unit}`;
    left -= amount * unitMs;
  }
  return text;
}

/** In the largest binary unit that divides it: 67108864 is `64MiB`. */
export function formatSize(bytes: number): string {
  for (const [unit, name] of [
    [1024 ** 4, 'TiB'],
    [1024 ** 3, 'GiB'],
    [1024 ** 2, 'MiB'],
    [1024, 'KiB'],
  ] as const) {
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit}${name}`;
  }
  return `${bytes}`;
}

/** Rounded up, so that a duration somebody asked for never becomes "none"; what is only a trace of binary fractions is dropped. */
function wholeMs(ms: number): number {
  const nearest = Math.round(ms);
  return nearest > 0 && Math.abs(ms - nearest) < 1e-3 ? nearest : Math.ceil(ms);
}

function no(why: string): Parsed {
  return { ok: false, why };
}

function durationForm(text: string): string {
  return `"${shorten(text)}" is not a duration; write it as in "90s", "24h" or "1h30m"`;
}

function shorten(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}...` : text;
}
