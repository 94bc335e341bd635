import { hash } from 'node:crypto';
import type { HashAlgorithm } from './hash-algorithm.ts';
import { startHash } from './running-hash.ts';

/** The hash of bytes in memory, in lower-case hex, on the calling thread: for what is small. */
export function checksumOf(algorithm: HashAlgorithm, bytes: Uint8Array): string {
  switch (algorithm) {
    case 'crc32':
    case 'crc32c':
    case 'crc64nvme': {
      const running = startHash(algorithm);
      running.update(bytes);
      return running.hex();
    }
    default:
      return hash(algorithm, bytes, 'hex');
  }
}
