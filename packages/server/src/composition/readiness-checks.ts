import { StoreError } from '@zot-artifact-store/spec';
import type { HealthCheck } from '../extension/contract.ts';
import { encodeKey } from '../metadata/keys.ts';
import type { Stores, Volume } from './open-stores.ts';

export interface ReadinessOptions {
  readonly stores: Stores;
  readonly reserveBytes: number;
  isDraining(): boolean;
  /** What ended the trust in the disks, if anything did. */
  failure(): StoreError | undefined;
}

/** No record has this key; looking it up goes through the whole store all the same. */
const PROBE = encodeKey(0x00, 'readiness');

/** What must hold for this process to be given requests. The messages are shown to anybody, so they name no paths. */
export function readinessChecks({
  stores,
  reserveBytes,
  isDraining,
  failure,
}: ReadinessOptions): HealthCheck[] {
  return [
    {
      name: 'server',
      async check() {
        if (isDraining()) throw unavailable('the server is stopping');
        if (failure() !== undefined) throw unavailable('a disk failed; the server is ending');
      },
    },
    {
      name: 'metadata',
      check: async () => void (await stores.metadata.get(PROBE)),
    },
    ...stores.volumes.map((volume) => spaceCheck(volume, reserveBytes)),
  ];
}

/** Advisory: pulls and deletions, the way out of a full disk, must not be cut off with the pushes. */
function spaceCheck({ config, driver }: Volume, reserveBytes: number): HealthCheck {
  const name = config.path === '' ? 'space' : `space ${config.path}`;
  return {
    name,
    isAdvisory: true,
    async check() {
      const space = await driver.space();
      if (space === undefined || space.availableBytes > reserveBytes) return;
      throw new StoreError(
        'storage-full',
        `${mebibytes(space.availableBytes)} MiB are free, which is not above the reserve of ${mebibytes(reserveBytes)} MiB; pushes are refused until there is more`,
      );
    },
  };
}

function unavailable(message: string): StoreError {
  return new StoreError('unavailable', message);
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / (1024 * 1024));
}
