import { digestOf } from '@zot-artifact-store/testkit/content-contract.ts';
import { describe, expect, it } from 'vitest';
import { WholeCache } from './whole-cache.ts';

const blob = (name: string, sizeBytes = 100) => {
  const bytes = Buffer.alloc(sizeBytes, name);
  return { bytes, digest: digestOf(Buffer.from(name)) };
};

describe('whole cache', () => {
  it('drops what was not used for longest when it is full', () => {
    const cache = new WholeCache({ limitBytes: 3 * 356, entryLimitBytes: 1_000 });
    const [a, b, c, d] = [blob('a'), blob('b'), blob('c'), blob('d')];
    for (const { digest, bytes } of [a, b, c]) cache.put(digest, bytes);
    expect(cache.get(a.digest)).toEqual(a.bytes);
    cache.put(d.digest, d.bytes);
    expect(cache.get(b.digest)).toBeUndefined();
    for (const { digest, bytes } of [a, c, d]) expect(cache.get(digest)).toEqual(bytes);
  });

  it('keeps neither large entries nor any number of empty ones', () => {
    const cache = new WholeCache({ limitBytes: 2_000, entryLimitBytes: 500 });
    const large = blob('large', 500);
    cache.put(large.digest, large.bytes);
    expect(cache.sizeOf(large.digest)).toBeUndefined();
    const empty = Array.from({ length: 100 }, (_, i) => blob(`${i}`, 0));
    for (const { digest, bytes } of empty) cache.put(digest, bytes);
    expect(empty.filter(({ digest }) => cache.sizeOf(digest) === 0).length).toBeLessThan(10);
  });

  it('shares memory with nobody', () => {
    const cache = new WholeCache({ limitBytes: 2_000, entryLimitBytes: 500 });
    const { digest, bytes } = blob('a');
    cache.put(digest, bytes);
    bytes.fill(0);
    cache.get(digest)?.fill(1);
    expect(cache.get(digest)).toEqual(blob('a').bytes);
  });

  it('can be switched off', () => {
    const cache = new WholeCache({ limitBytes: 0, entryLimitBytes: 500 });
    cache.put(blob('a').digest, blob('a').bytes);
    expect(cache.get(blob('a').digest)).toBeUndefined();
  });
});
