import { MediaType } from '@zot-artifact-store/spec';
import { digestOf, imageIndex, imageManifest, json } from '@zot-artifact-store/testkit/registry-bench.ts';
import { describe, expect, it } from 'vitest';
import { parseManifest } from './manifest-parser.ts';

const image = imageManifest('{}', ['layer']);
const parse = (document: unknown, mediaType: string = MediaType.imageManifest) =>
  parseManifest(json(document), mediaType);

function kindOf(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return (error as { kind?: string }).kind ?? `not a StoreError: ${error}`;
  }
}

describe('parseManifest', () => {
  it('finds what an image manifest names', () => {
    const parsed = parse({ ...image, subject: image.config, annotations: { a: 'b' } });
    expect(parsed).toMatchObject({
      kind: 'image',
      artifactType: MediaType.imageConfig,
      subject: { digest: digestOf('{}') },
      annotations: { a: 'b' },
    });
    expect([...parsed.blobs]).toEqual([
      [digestOf('{}'), 2],
      [digestOf('layer'), 5],
    ]);
  });

  it('gives an artifact the type it names, and an index only that', () => {
    expect(parse({ ...image, artifactType: 'a/b' }).artifactType).toBe('a/b');
    expect(parse({ ...image, artifactType: '' }).artifactType).toBe(MediaType.imageConfig);
    expect(parse(imageIndex([]), MediaType.imageIndex).artifactType).toBeUndefined();
    expect(parse(imageIndex([], { artifactType: 'a/b' }), MediaType.imageIndex).artifactType).toBe('a/b');
  });

  it('accepts what encoders write for nothing', () => {
    expect(parse({ ...image, layers: null, annotations: null, subject: null }).blobs.size).toBe(1);
    expect(parse({ schemaVersion: 2, manifests: null }, MediaType.imageIndex).children).toEqual([]);
  });

  it('refuses a document that is a manifest and an index at once', () => {
    expect(kindOf(() => parse({ ...image, manifests: [] }))).toBe('manifest-invalid');
    expect(kindOf(() => parse({ ...imageIndex([]), layers: [] }, MediaType.imageIndex))).toBe(
      'manifest-invalid',
    );
  });

  it('refuses another media type than the document names, and unknown ones', () => {
    expect(kindOf(() => parse(image, MediaType.imageIndex))).toBe('manifest-invalid');
    expect(kindOf(() => parse(image, 'application/json'))).toBe('media-type-unsupported');
    expect(kindOf(() => parse(image, 'constructor'))).toBe('media-type-unsupported');
    const { mediaType: _, ...unnamed } = image;
    expect(kindOf(() => parse(unnamed))).toBe('accepted');
    expect(kindOf(() => parse(unnamed, MediaType.dockerManifest))).toBe('manifest-invalid');
  });

  it('refuses a digest with two sizes', () => {
    const layers = [...image.layers, { ...image.layers[0], size: 6 }];
    expect(kindOf(() => parse({ ...image, layers }))).toBe('manifest-invalid');
  });

  it('refuses every wrong type at every place', () => {
    const wrong = [null, true, 0, -1, 1.5, 2 ** 60, '', 'x', [], [1], {}, [[]]];
    const isInvalid = (document: unknown) => kindOf(() => parse(document)) === 'manifest-invalid';
    for (const value of wrong) {
      expect([value, isInvalid(value)]).toEqual([value, true]);
      expect([value, isInvalid({ ...image, schemaVersion: value })]).toEqual([value, true]);
      expect([value, isInvalid({ ...image, config: value })]).toEqual([value, true]);
      expect([value, isInvalid({ ...image, config: { ...image.config, digest: value } })]).toEqual([
        value,
        true,
      ]);
      expect([value, isInvalid({ ...image, layers: [value] })]).toEqual([value, true]);
    }
    for (const value of wrong.filter((each) => each !== null)) {
      expect([value, isInvalid({ ...image, annotations: { a: value } })]).toEqual([
        value,
        typeof value !== 'string',
      ]);
      expect([value, isInvalid({ ...image, artifactType: value })]).toEqual([
        value,
        typeof value !== 'string',
      ]);
      expect([value, isInvalid({ ...image, subject: value })]).toEqual([value, true]);
    }
    for (const size of [null, '2', -1, 1.5, 2 ** 53, undefined]) {
      expect([size, isInvalid({ ...image, config: { ...image.config, size } })]).toEqual([size, true]);
    }
  });

  it.each([
    ['nothing', ''],
    ['half an object', '{"schemaVersion":2'],
    ['two documents', '{}{}'],
    ['a byte order mark', '\ufeff{}'],
    ['a comment', '/* */{}'],
    ['an open string', '{"a'],
    ['an open escape', '{"a\\'],
  ])('refuses %s', (_name, text) => {
    expect(kindOf(() => parseManifest(Buffer.from(text), MediaType.imageManifest))).toBe('manifest-invalid');
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    expect(kindOf(() => parseManifest(bytes, MediaType.imageManifest))).toBe('manifest-invalid');
  });

  it.each([
    ['brackets', () => Buffer.alloc(4 * 1024 * 1024, '[')],
    ['braces in lists', () => Buffer.from(`[${'{},'.repeat(1_300_000)}{}]`)],
    ['nested members', () => Buffer.from(`${'{"a":'.repeat(700_000)}1`)],
    ['backslashes', () => Buffer.from(`{"${'\\'.repeat(4_000_000)}`)],
    ['quotes behind backslashes', () => Buffer.from(`{"${'\\"'.repeat(2_000_000)}`)],
  ])('refuses four megabytes of %s', (_name, make) => {
    expect(kindOf(() => parseManifest(make(), MediaType.imageManifest))).toBe('manifest-invalid');
  });

  it('does not count brackets and commas in strings', () => {
    const annotations = { text: `${'['.repeat(1_000)}\\"${','.repeat(300_000)}` };
    expect(kindOf(() => parse({ ...image, annotations }))).toBe('accepted');
  });

  it('refuses to name more than it can store at once', () => {
    const layers = Array.from({ length: 4_001 }, () => image.layers[0]);
    expect(kindOf(() => parse({ ...image, layers }))).toBe('manifest-invalid');
    const manifests = Array.from({ length: 10_001 }, () => image.layers[0]);
    expect(kindOf(() => parse({ ...imageIndex([]), manifests }, MediaType.imageIndex))).toBe(
      'manifest-invalid',
    );
  });

  it('takes members called like those of every object for what they are', () => {
    const text = JSON.stringify(image).replace('{', '{"__proto__":{"manifests":[]},"constructor":1,');
    expect(kindOf(() => parseManifest(Buffer.from(text), MediaType.imageManifest))).toBe('accepted');
  });
});
