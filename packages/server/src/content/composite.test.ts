import { digestOf } from '@zot-artifact-store/testkit/content-contract.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryMetadataStore } from '../metadata/memory/memory-metadata-store.ts';
import { MAX_VALUE_BYTES } from '../metadata/metadata-store.ts';
import { Transaction } from '../metadata/transaction.ts';
import { findPage, findPageOf, putComposite } from './composite.ts';

const SHA256 = digestOf(Buffer.from('a'));
const SHA512 = digestOf(Buffer.from('a'), 'sha512');
const WHOLE = digestOf(Buffer.from('whole'));

describe('the part list of a composite', () => {
  it('fits its pages into values, keeps order, and finds the page of any byte', async () => {
    const part = fc.record({
      digest: fc.constantFrom(SHA256, SHA512),
      sizeBytes: fc.oneof(fc.nat(3), fc.nat(5 * 1024 ** 4)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 400, size: 'max' }), async (parts) => {
        const metadata = new MemoryMetadataStore();
        const store = { metadata, volume: '/v' };
        const transaction = new Transaction();
        const { pages } = putComposite(transaction, {
          volume: '/v',
          digest: WHOLE,
          parts,
          provisional: false,
        });
        for (const { value } of transaction.puts) expect(value.length).toBeLessThanOrEqual(MAX_VALUE_BYTES);
        await metadata.commit(transaction);

        const read = [];
        let startBytes = 0;
        for (let index = 0; index < pages; index++) {
          const page = await findPage(store, WHOLE, index);
          expect(page?.startBytes).toBe(startBytes);
          for (const each of page?.parts ?? []) {
            read.push(each);
            if (each.sizeBytes > 0) {
              for (const offset of [startBytes, startBytes + each.sizeBytes - 1]) {
                expect(await findPageOf(store, { digest: WHOLE, pages, offset })).toBe(index);
              }
            }
            startBytes += each.sizeBytes;
          }
        }
        expect(read).toEqual(parts);
      }),
      { numRuns: 30 },
    );
  });
});
