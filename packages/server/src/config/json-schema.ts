import { z } from 'zod';
import { NOT_YET } from './fields.ts';
import { isMapping } from './mapping.ts';
import { configFileSchema } from './schema.ts';
import type { BuiltInSections } from './sections.ts';

/**
 * The JSON Schema of the config file, for editors: what may be written, without the keys that are refused by name.
 * Editors take the canonical spelling of keys; the server takes any case.
 */
export function configJsonSchema(sections: BuiltInSections): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(configFileSchema(sections), { io: 'input', unrepresentable: 'any' });
  return withoutRefused(schema) as Readonly<Record<string, unknown>>; // a schema object in, a schema object out
}

function withoutRefused(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutRefused);
  if (!isMapping(node)) return node;
  const kept = Object.entries(node).filter(([, part]) => !(isMapping(part) && part[NOT_YET] === true));
  return Object.fromEntries(kept.map(([key, part]) => [key, withoutRefused(part)]));
}
