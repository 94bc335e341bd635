import { z } from 'zod';
import { type Parsed, parseDuration, parseSize } from './units.ts';

/** A key of zot's that the schema knows and that a later release brings; left out of the printed JSON Schema. */
export const NOT_YET = 'x-not-available-yet';

/** zot's decoder takes `"true"` for true and 8080 for "8080"; a file that works there works here. */
export function flag(description: string) {
  return z
    .union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')], {
      error: 'must be true or false',
    })
    .optional()
    .meta({ description });
}

/** Marks a key whose value is the path of a file that must be readable, also in sections of extensions. */
export const NAMES_FILE = 'x-names-file';

/** The path of a file, relative to the working directory. That it can be read is checked with the configuration. */
export function fileName(description: string) {
  return z
    .string({ error: 'must be the path of a file' })
    .max(4096)
    .optional()
    .meta({ description, [NAMES_FILE]: true });
}

export function text(description: string) {
  return z.string({ error: 'must be a string' }).max(4096).optional().meta({ description });
}

export function duration(description: string) {
  return quantity(parseDuration, `${description} A duration such as "90s", "24h" or "1h30m".`);
}

export function size(description: string, limits: { readonly min: number; readonly max: number }) {
  const check = (input: string | number): Parsed => {
    const parsed = parseSize(input);
    if (!parsed.ok) return parsed;
    if (parsed.value < limits.min) return { ok: false, why: `must be ${limits.min} bytes or more` };
    if (parsed.value > limits.max) return { ok: false, why: `must be ${limits.max} bytes or less` };
    return parsed;
  };
  return quantity(check, `${description} A size such as "64MiB", or a number of bytes.`);
}

export function wholeNumber(description: string, limits: { readonly min: number; readonly max: number }) {
  const range = `must be a whole number from ${limits.min} to ${limits.max}`;
  const read = (input: string | number): Parsed => {
    const value = /^\d{1,9}$/.test(String(input).trim()) ? Number(input) : Number.NaN;
    return value >= limits.min && value <= limits.max ? { ok: true, value } : { ok: false, why: range };
  };
  return quantity(read, description, range);
}

/** A part of zot's schema that is refused by name unless its value says that it is off. */
export function notYet(isOff: (value: unknown) => boolean = saysOff) {
  return z
    .unknown()
    .optional()
    .superRefine((value, context) => {
      if (!isOff(value)) context.addIssue({ code: 'custom', message: 'is not available yet' });
    })
    .meta({ [NOT_YET]: true });
}

/** Nothing, `off`, false, zero, or a section in which everything says so. */
export function saysOff(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return true;
  if (typeof value === 'string') return ['', 'off', 'false', '0'].includes(value.trim().toLowerCase());
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value !== 'object') return false;
  return saysDisabled(value) || Object.values(value).every((part) => saysOff(part));
}

/** A section with `enable: false`: the rest of it has no effect. An empty extension section is on, as in zot. */
export function saysDisabled(section: unknown): boolean {
  if (section === undefined || section === null || section === false) return true;
  if (typeof section !== 'object') return false;
  return Object.entries(section).some(([key, value]) => key.toLowerCase() === 'enable' && saysOff(value));
}

function quantity(read: (input: string | number) => Parsed, description: string, error?: string) {
  return z
    .union([z.string(), z.number()], { error: error ?? 'must be a string such as the documentation shows' })
    .transform((input, context) => {
      const parsed = read(input);
      if (parsed.ok) return parsed.value;
      context.addIssue({ code: 'custom', message: parsed.why });
      return z.NEVER;
    })
    .optional()
    .meta({ description });
}
