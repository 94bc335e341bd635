import type { Digest } from '@zot-artifact-store/spec';
import { encodeKey, type KeyPart } from '../metadata/keys.ts';
import type { Key } from '../metadata/metadata-store.ts';

/**
 * The tables of the content layer. Each begins with its mark, then the volume.
 * B blob record · P parts of a composite blob, paged · E edge · G blob that may have become garbage, by due time ·
 * g the due time of a blob's current G row · X published object that no record may point to any more and whose bytes
 * must still be removed · o published object that was seen without a record · s where the scrub resumes.
 */
const BLOB = 0x42;
const PARTS = 0x50;
const EDGE = 0x45;
const CANDIDATE = 0x47;
const DUE = 0x67;
const TRASH = 0x58;
const SUSPECT = 0x6f;
const SCRUB = 0x73;

export const contentKeys = {
  blob: (volume: string, digest: Digest): Key => encodeKey(BLOB, volume, { digest }),
  blobs: (volume: string): Key => encodeKey(BLOB, volume),
  partsPage: (volume: string, digest: Digest, page: number): Key =>
    encodeKey(PARTS, volume, { digest }, page),
  parts: (volume: string, digest: Digest): Key => encodeKey(PARTS, volume, { digest }),
  edge: (volume: string, digest: Digest, owner: readonly KeyPart[]): Key =>
    encodeKey(EDGE, volume, { digest }, ...owner),
  /** As `edge`, for many blobs of one owner. */
  edgesOf(volume: string, owner: readonly KeyPart[]): (digest: Digest) => Key {
    const before = encodeKey(EDGE, volume);
    const after = encodeKey(EDGE, ...owner).subarray(1);
    return (digest) => Buffer.concat([before, encodeKey(EDGE, { digest }).subarray(1), after]);
  },
  edges: (volume: string): Key => encodeKey(EDGE, volume),
  candidate: (volume: string, dueAtMs: number, digest: Digest): Key =>
    encodeKey(CANDIDATE, volume, dueAtMs, { digest }),
  /** Below it is every candidate due before `dueAtMs`. */
  candidateBound: (volume: string, dueAtMs: number): Key => encodeKey(CANDIDATE, volume, dueAtMs),
  candidates: (volume: string): Key => encodeKey(CANDIDATE, volume),
  due: (volume: string, digest: Digest): Key => encodeKey(DUE, volume, { digest }),
  trash: (volume: string, objectName: string): Key => encodeKey(TRASH, volume, objectName),
  trashed: (volume: string): Key => encodeKey(TRASH, volume),
  suspect: (volume: string, objectName: string): Key => encodeKey(SUSPECT, volume, objectName),
  suspects: (volume: string): Key => encodeKey(SUSPECT, volume),
  scrubCursor: (volume: string): Key => encodeKey(SCRUB, volume),
};
