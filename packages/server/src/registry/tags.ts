import { transact } from '../metadata/transaction.ts';
import { registryKeys } from './keyspace.ts';
import { checkCondition } from './manifest-condition.ts';
import { actorOf } from './membership.ts';
import { tagCodec } from './records.ts';
import type { Tags } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';
import { assertRepository, manifestUnknown, pageOf, startOf } from './repositories.ts';
import { decodeTag, decodeTagBelow } from './row-keys.ts';

export function createTags(context: RegistryContext): Tags {
  const { metadata, vetoes, events } = context;
  return {
    async list(repository, { after, limit }) {
      const rows = await metadata.scan(
        { prefix: registryKeys.tags(repository) },
        {
          limit: limit + 1,
          ...(after === undefined ? {} : { after: registryKeys.tag(repository, startOf(after)) }),
        },
      );
      if (rows.length === 0) await assertRepository(context, repository);
      return pageOf(rows, limit, ({ key, value }) => ({
        tag: decodeTag(key).tag,
        digest: tagCodec.decode(value).digest,
      }));
    },

    async names(repository, { after, limit }) {
      const prefix = registryKeys.tags(repository);
      const keys = await metadata.scanKeys(
        { prefix },
        {
          limit: limit + 1,
          ...(after === undefined ? {} : { after: registryKeys.tag(repository, startOf(after)) }),
        },
      );
      if (keys.length === 0) await assertRepository(context, repository);
      return pageOf(keys, limit, (key) => decodeTagBelow(prefix, key));
    },

    async delete(repository, tag, { principal, condition }) {
      const key = registryKeys.tag(repository, tag);
      if ((await metadata.get(key)) === undefined) throw await manifestUnknown(context, repository, tag);
      await vetoes.beforeDelete?.({ principal, repository, kind: 'tag', reference: tag });
      await transact(metadata, async (transaction) => {
        const raw = await metadata.get(key);
        if (raw === undefined) throw await manifestUnknown(context, repository, tag);
        const { digest } = tagCodec.decode(raw);
        checkCondition(condition, digest);
        transaction.mayUseReserve = true;
        transaction.expectUnchanged(key, raw);
        transaction.delete(key);
        transaction.delete(registryKeys.tagOf(repository, digest, tag));
        events.write(transaction, { type: 'tag.deleted', repository, tag, digest, ...actorOf(principal) });
      });
    },
  };
}
