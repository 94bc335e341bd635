import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { DigestAlgorithm, RepositoryName } from '@zot-artifact-store/spec';

/** What the id of an upload says of it. */
export interface UploadIdParts {
  readonly createdAtMs: number;
  readonly algorithm: DigestAlgorithm;
}

/**
 * Ids that say by themselves that the server opened an upload: nothing is written for one until its first bytes come.
 * Whoever does not have the store's secret can neither make one nor use one in another repository.
 */
export interface UploadIds {
  make(repository: RepositoryName, parts: UploadIdParts): string;
  /** Undefined for an id that was not made here for this repository. */
  read(repository: RepositoryName, id: string): UploadIdParts | undefined;
}

const TIME_BYTES = 6;
const RANDOM_BYTES = 9;
const BODY_BYTES = TIME_BYTES + 1 + RANDOM_BYTES;
const MAC_BYTES = 16;
const FORM = /^[0-9a-f]{64}$/;
const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha512'];

/** `key` has 32 secret bytes, the same in every process and at every start. */
export function createUploadIds(key: Uint8Array): UploadIds {
  const macOf = (repository: RepositoryName, body: Uint8Array): Buffer =>
    createHmac('sha256', key).update(body).update(repository).digest().subarray(0, MAC_BYTES);
  return {
    make(repository, { createdAtMs, algorithm }) {
      const body = Buffer.alloc(BODY_BYTES);
      body.writeUIntBE(createdAtMs, 0, TIME_BYTES);
      body[TIME_BYTES] = ALGORITHMS.indexOf(algorithm);
      randomBytes(RANDOM_BYTES).copy(body, TIME_BYTES + 1);
      return Buffer.concat([body, macOf(repository, body)]).toString('hex');
    },

    read(repository, id) {
      if (!FORM.test(id)) return undefined;
      const bytes = Buffer.from(id, 'hex');
      const body = bytes.subarray(0, BODY_BYTES);
      if (!timingSafeEqual(bytes.subarray(BODY_BYTES), macOf(repository, body))) return undefined;
      const algorithm = ALGORITHMS[body[TIME_BYTES] ?? -1];
      return algorithm && { createdAtMs: body.readUIntBE(0, TIME_BYTES), algorithm };
    },
  };
}
