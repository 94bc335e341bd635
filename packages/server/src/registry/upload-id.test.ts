import { randomBytes } from 'node:crypto';
import { parseRepositoryName } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import { createUploadIds } from './upload-id.ts';

const here = parseRepositoryName('team/app');
const ids = createUploadIds(randomBytes(32));

describe('the id of an upload', () => {
  it.each(['sha256', 'sha512'] as const)('tells when it was made, for %s', (algorithm) => {
    const parts = { createdAtMs: 1_790_000_000_123, algorithm };
    expect(ids.read(here, ids.make(here, parts))).toEqual(parts);
  });

  it('is never the same twice', () => {
    const parts = { createdAtMs: 1, algorithm: 'sha256' } as const;
    expect(ids.make(here, parts)).not.toBe(ids.make(here, parts));
  });

  it('is of one repository and of one store', () => {
    const id = ids.make(here, { createdAtMs: 1, algorithm: 'sha256' });
    expect(ids.read(parseRepositoryName('team/ap'), id)).toBeUndefined();
    expect(createUploadIds(randomBytes(32)).read(here, id)).toBeUndefined();
  });

  it('cannot be changed, not in a single digit', () => {
    const id = ids.make(here, { createdAtMs: 1_790_000_000_123, algorithm: 'sha256' });
    for (let at = 0; at < id.length; at++) {
      const digit = id[at] === '0' ? '1' : '0';
      expect(ids.read(here, id.slice(0, at) + digit + id.slice(at + 1))).toBeUndefined();
    }
  });

  it.each(['', '0'.repeat(63), '0'.repeat(64), 'G'.repeat(64), `${'0'.repeat(64)}0`, '../x'])(
    'is not %j',
    (id) => {
      expect(ids.read(here, id)).toBeUndefined();
    },
  );
});
