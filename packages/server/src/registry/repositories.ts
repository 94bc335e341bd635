import { type Digest, type RepositoryName, StoreError } from '@zot-artifact-store/spec';
import { registryKeys } from './keyspace.ts';
import type { Page, Repositories } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';
import { decodeRepository } from './row-keys.ts';

/** No name or tag is longer, so the rest of a longer start changes nothing about what comes after it. */
const MAX_AFTER_LENGTH = 300;

export function createRepositories({ metadata }: RegistryContext): Repositories {
  return {
    async list({ after, limit }) {
      const keys = await metadata.scanKeys(
        { prefix: registryKeys.repositories() },
        {
          limit: limit + 1,
          ...(after === undefined ? {} : { after: registryKeys.repository(startOf(after)) }),
        },
      );
      return pageOf(keys, limit, (key) => decodeRepository(key));
    },

    async exists(name) {
      return (await metadata.get(registryKeys.repository(name))) !== undefined;
    },
  };
}

/** `after` of a list, cut to what can matter; a key must not grow with what a client sends. */
export function startOf(after: string): string {
  return after.slice(0, MAX_AFTER_LENGTH);
}

/** A page of rows that were asked for with one more than the limit. */
export function pageOf<Row, Item>(rows: readonly Row[], limit: number, read: (row: Row) => Item): Page<Item> {
  return { items: rows.slice(0, limit).map(read), more: rows.length > limit };
}

export async function assertRepository(
  { metadata }: RegistryContext,
  repository: RepositoryName,
): Promise<void> {
  if ((await metadata.get(registryKeys.repository(repository))) === undefined) {
    throw new StoreError('repository-unknown', `there is no repository ${repository}`, {
      resource: repository,
      detail: { repository },
    });
  }
}

/** The error for a reference that names nothing; throws `repository-unknown` when the repository is not there either. */
export async function manifestUnknown(
  context: RegistryContext,
  repository: RepositoryName,
  reference: string | Digest,
): Promise<StoreError> {
  await assertRepository(context, repository);
  return new StoreError('manifest-unknown', `repository ${repository} has no manifest ${reference}`, {
    resource: reference,
    detail: { repository, reference },
  });
}
