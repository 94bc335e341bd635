import { randomBytes } from 'node:crypto';
import { type Digest, makeDigest, StoreError } from '@zot-artifact-store/spec';
import type { BlobDriver } from './blob-driver.ts';
import type { CompositePart } from './composite.ts';
import type { PreparedBlob } from './content-store.ts';
import { MAX_PARTS, tooManyParts } from './flatten-parts.ts';
import { PreparedUnits } from './prepared.ts';

/** See `ContentStore.compose`. */
export function prepareComposite(
  driver: BlobDriver,
  digest: Digest,
  parts: readonly CompositePart[],
): PreparedBlob {
  if (parts.some((part) => part.digest === digest)) {
    throw new StoreError('internal', 'a blob cannot be a part of itself', { resource: digest });
  }
  return prepare(driver, digest, { kind: 'composite', parts });
}

/**
 * See `ContentStore.composeParts`. The name is random, not derived from the parts: of a derived one somebody could
 * look for content that hashes to it.
 */
export function prepareProvisional(driver: BlobDriver, parts: readonly CompositePart[]): PreparedBlob {
  const digest = makeDigest('sha256', randomBytes(32).toString('hex'));
  return prepare(driver, digest, { kind: 'composite', parts, provisional: true });
}

function prepare(
  driver: BlobDriver,
  digest: Digest,
  source: {
    readonly kind: 'composite';
    readonly parts: readonly CompositePart[];
    readonly provisional?: true;
  },
): PreparedBlob {
  if (source.parts.length > MAX_PARTS) throw tooManyParts();
  const sizeBytes = source.parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  return new PreparedUnits(driver, { digest, sizeBytes, units: [{ digest, sizeBytes, source }] });
}
