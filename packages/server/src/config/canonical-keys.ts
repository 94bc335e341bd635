import { z } from 'zod';
import { formatPath, type KeyPath, type Problem } from './key-path.ts';
import { isMapping } from './mapping.ts';
import { nearestKey } from './nearest-key.ts';

/**
 * The value with every key in the schema's spelling: keys of a configuration file are case-insensitive, and zod's are
 * not. Keys the schema does not know, and keys given twice in different spellings, are left out and reported.
 */
export function canonicalKeys(
  schema: z.core.$ZodType,
  value: unknown,
): { readonly value: unknown; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  return { value: walk(schema, value, [], problems), problems };
}

function walk(schema: z.core.$ZodType, value: unknown, path: KeyPath, problems: Problem[]): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return walk(schema.unwrap(), value, path, problems);
  }
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((part, index) => walk(schema.element, part, [...path, index], problems));
  }
  // `http:` with nothing below is an empty section in YAML.
  if (value === null && (schema instanceof z.ZodObject || schema instanceof z.ZodRecord)) return {};
  if (!isMapping(value)) return value;
  if (schema instanceof z.ZodRecord) {
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [
        key,
        walk(schema.valueType, part, [...path, key], problems),
      ]),
    );
  }
  return schema instanceof z.ZodObject ? walkObject(schema, value, path, problems) : value;
}

function walkObject(
  schema: z.ZodObject,
  value: Readonly<Record<string, unknown>>,
  path: KeyPath,
  problems: Problem[],
): unknown {
  const names = new Map(Object.keys(schema.shape).map((name) => [name.toLowerCase(), name]));
  const rest = schema.def.catchall;
  const found = new Map<string, unknown>();
  for (const [key, part] of Object.entries(value)) {
    const name = names.get(key.toLowerCase());
    const place = formatPath([...path, key]);
    if (name !== undefined && found.has(name)) {
      problems.push({ place, message: `is given twice, in different spellings of "${name}"` });
    } else if (name !== undefined) {
      found.set(name, walk(schema.shape[name] ?? z.unknown(), part, [...path, name], problems));
    } else if (rest instanceof z.ZodUnknown) {
      found.set(key, part);
    } else if (rest instanceof z.ZodObject) {
      keepNamedSection(rest, [key.toLowerCase(), part], { path, names, problems, found });
    } else {
      problems.push({ place, message: `is not a known key${hint(key, [...names.values()])}` });
    }
  }
  return Object.fromEntries(found);
}

/** A section whose name is free (an extension's); it must say which module it is for. */
function keepNamedSection(
  schema: z.ZodObject,
  [name, section]: readonly [string, unknown],
  at: {
    readonly path: KeyPath;
    readonly names: ReadonlyMap<string, string>;
    readonly problems: Problem[];
    readonly found: Map<string, unknown>;
  },
): void {
  const place = formatPath([...at.path, name]);
  if (at.found.has(name)) {
    at.problems.push({ place, message: 'is given twice, in different spellings' });
  } else if (isMapping(section) && Object.keys(section).some((key) => key.toLowerCase() === 'module')) {
    at.found.set(name, walk(schema, section, [...at.path, name], at.problems));
  } else {
    const message = `is not an extension that comes with the server${hint(name, [...at.names.values()])}; one of your own needs a "module" to load`;
    at.problems.push({ place, message });
  }
}

function hint(key: string, names: readonly string[]): string {
  const nearest = nearestKey(key, names);
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
}
