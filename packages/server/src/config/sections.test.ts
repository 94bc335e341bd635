import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { explainConfig } from './explain.ts';
import { flag, size, text, wholeNumber } from './fields.ts';
import { configJsonSchema } from './json-schema.ts';
import { type LoadedConfig, loadConfig } from './load.ts';

const sections = {
  shop: z.strictObject({
    enable: flag('Whether the shop is open.').default(true),
    openHours: wholeNumber('How long.', { min: 1, max: 24 }).default(8),
    cartBytes: size('How much.', { min: 1, max: 1e9 }).default(1024),
    owners: z.array(z.string()).default([]),
    street: text('Where.'),
  }),
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-sections-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function load(extensions: unknown): Promise<LoadedConfig> {
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify({ extensions }));
  return loadConfig({ file, flags: {}, env: {}, cwd: folder, cores: 1, sections });
}

async function usable(extensions: unknown): Promise<Extract<LoadedConfig, { ok: true }>> {
  const loaded = await load(extensions);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded;
}

describe('the section of an extension that comes with the server', () => {
  it('has its defaults when it is left out, empty or partly given, in any spelling of its keys', async () => {
    const defaults = { enable: true, openHours: 8, cartBytes: 1024, owners: [] };
    for (const extensions of [{}, { shop: null }, { SHOP: {} }]) {
      expect((await usable(extensions)).config.sections).toEqual({ shop: defaults });
    }
    const { config } = await usable({ shop: { OpenHours: '12', cartbytes: '2KiB', enable: 'false' } });
    expect(config.sections.shop).toEqual({ ...defaults, openHours: 12, cartBytes: 2048, enable: false });
    expect(config.extensions).toEqual([]);
  });

  it('stands beside extensions with a module', async () => {
    const { config } = await usable({ shop: { openHours: 2 }, mine: { module: './mine.js', shop: 1 } });
    expect(config.sections.shop).toMatchObject({ openHours: 2 });
    expect(config.extensions).toEqual([{ name: 'mine', module: './mine.js', options: { shop: 1 } }]);
  });

  it('is checked with the rest, each problem under its key', async () => {
    expect(await load({ shop: { openHours: 25, doors: 2, module: 'x' }, shap: {} })).toEqual({
      ok: false,
      problems: [
        { place: 'extensions.shop.doors', message: 'is not a known key' },
        { place: 'extensions.shop.module', message: 'is not a known key' },
        {
          place: 'extensions.shap',
          message: expect.stringContaining('is not an extension that comes with the server (did you mean'),
        },
        { place: 'extensions.shop.openHours', message: 'must be a whole number from 1 to 24' },
      ],
    });
  });

  it('is explained key by key, and is in the JSON Schema', async () => {
    const explained = explainConfig(await usable({ shop: { owners: ['a', 'b'] } }), sections);
    expect(explained.filter(({ key }) => key.startsWith('extensions.'))).toEqual([
      { key: 'extensions.shop.enable', value: 'true', source: 'default' },
      { key: 'extensions.shop.openHours', value: '8', source: 'default' },
      { key: 'extensions.shop.cartBytes', value: '1KiB', source: 'default' },
      { key: 'extensions.shop.owners', value: 'a, b', source: 'file' },
      { key: 'extensions.shop.street', value: 'none', source: 'default' },
    ]);
    expect(configJsonSchema(sections)).toMatchObject({
      properties: {
        extensions: {
          properties: {
            shop: {
              additionalProperties: false,
              properties: { openHours: { description: 'How long.' }, street: { type: 'string' } },
            },
          },
        },
      },
    });
  });
});
