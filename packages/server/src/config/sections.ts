import type { z } from 'zod';

/**
 * The sections under `extensions` that need no `module`, because their extensions come with the server: by the
 * extension's name, the schema its section is parsed with. One that can be left out has an `enable`. Every key that is
 * not optional has a default, so that `{}` is a section. What a schema gives must survive JSON, and must be
 * what the schema gives again when it is parsed once more: the extension host parses it with the same schema.
 */
export type BuiltInSections = Readonly<Record<string, z.ZodObject>>;
