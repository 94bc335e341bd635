import type { Digest } from '@zot-artifact-store/spec';
import { encodeKey, type KeyPart } from '../metadata/keys.ts';
import type { Key } from '../metadata/metadata-store.ts';

/**
 * The tables of the content layer. Each begins with its mark, then the volume.
 * B blob record · P parts of a composite blob, paged · E edge · G blob that may have become garbage, by due time ·
 * X published object whose record is gone and whose bytes must still be removed.
 */
const BLOB = 0x42;
const PARTS = 0x50;
const EDGE = 0x45;
const CANDIDATE = 0x47;
const TRASH = 0x58;

export const contentKeys = {
  blob: (volume: string, digest: Digest): Key => encodeKey(BLOB, volume, { digest }),
  blobs: (volume: string): Key => encodeKey(BLOB, volume),
  partsPage: (volume: string, digest: Digest, page: number): Key =>
    encodeKey(PARTS, volume, { digest }, page),
  parts: (volume: string, digest: Digest): Key => encodeKey(PARTS, volume, { digest }),
  edge: (volume: string, digest: Digest, owner: readonly KeyPart[]): Key =>
    encodeKey(EDGE, volume, { digest }, ...owner),
  edges: (volume: string): Key => encodeKey(EDGE, volume),
  candidate: (volume: string, dueAtMs: number, digest: Digest): Key =>
    encodeKey(CANDIDATE, volume, dueAtMs, { digest }),
  candidates: (volume: string): Key => encodeKey(CANDIDATE, volume),
  trash: (volume: string, objectName: string): Key => encodeKey(TRASH, volume, objectName),
  trashed: (volume: string): Key => encodeKey(TRASH, volume),
};
