import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { crc32c } from './crc32c.ts';
import { CRC64_OF_NOTHING, crc64nvme } from './crc64nvme.ts';
import type { HashAlgorithm } from './hash-algorithm.ts';

/** The hash of what comes piece by piece. `hex` is taken once, at the end. */
export interface RunningHash {
  update(bytes: Uint8Array): void;
  hex(): string;
}

export function startHash(algorithm: HashAlgorithm): RunningHash {
  switch (algorithm) {
    case 'crc32':
      return runningCrc32(crc32);
    case 'crc32c':
      return runningCrc32(crc32c);
    case 'crc64nvme':
      return runningCrc64();
    default: {
      const hash = createHash(algorithm);
      return {
        update: (bytes) => void hash.update(bytes),
        hex: () => hash.digest('hex'),
      };
    }
  }
}

function runningCrc32(continued: (bytes: Uint8Array, before: number) => number): RunningHash {
  let crc = 0;
  return {
    update(bytes) {
      crc = continued(bytes, crc);
    },
    hex: () => hexOf(crc),
  };
}

function runningCrc64(): RunningHash {
  let crc = CRC64_OF_NOTHING;
  return {
    update(bytes) {
      crc = crc64nvme(bytes, crc);
    },
    hex: () => hexOf(crc.high) + hexOf(crc.low),
  };
}

function hexOf(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
