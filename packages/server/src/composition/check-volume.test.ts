import { MediaType, parseRepositoryName, parseTag } from '@zot-artifact-store/spec';
import { startApp } from '@zot-artifact-store/testkit';
import { alice, digestOf, imageManifest, json, once } from '@zot-artifact-store/testkit/registry-bench.ts';
import { expect, it } from 'vitest';
import { parseBucketName } from '../extensions/s3/bucket-name.ts';
import { createBuckets } from '../extensions/s3/store/buckets.ts';
import { createVersions } from '../extensions/s3/store/create-versions.ts';
import { versionOwner } from '../extensions/s3/store/versions.ts';
import { registryKeys } from '../registry/keyspace.ts';
import { checkVolume } from './check-volume.ts';

it('finds what is wrong with the tables of the registry as well as with its bytes', async () => {
  const running = await startApp();
  const { stores } = running.app;
  const { registry, metadata } = stores;
  const check = () => checkVolume(stores, stores.volumes[0], { signal: new AbortController().signal });
  const repository = parseRepositoryName('app');
  for (const bytes of ['{}', 'layer']) {
    await registry.uploads.put(repository, once(bytes), { digest: digestOf(bytes), principal: alice });
  }
  const bytes = json(imageManifest('{}', ['layer']));
  const { digest } = await registry.manifests.put({
    repository,
    reference: { tag: parseTag('v1') },
    tags: [],
    mediaType: MediaType.imageManifest,
    bytes,
    principal: alice,
  });
  expect(await check()).toMatchObject({ errors: [], errorCount: 0, notes: [], noteCount: 0 });

  await metadata.commit({ deletes: [registryKeys.tagOf(repository, digest, 'v1')] });
  await metadata.commit({
    puts: [{ key: registryKeys.tagOf(repository, digest, 'v2'), value: Uint8Array.of(1) }],
  });
  expect(await check()).toMatchObject({
    errors: [{ kind: 'tag-reverse-missing', detail: `app: ${digest} does not know its tag v1` }],
    errorCount: 1,
    notes: [{ kind: 'tag-reverse-stale', detail: `app: ${digest} has no tag v2` }],
    noteCount: 1,
  });
  await running.close();
});

it('knows what objects and parts of S3 need', async () => {
  const running = await startApp();
  const { stores } = running.app;
  const { metadata } = stores;
  const { content } = stores.volumes[0];
  const check = () => checkVolume(stores, stores.volumes[0], { signal: new AbortController().signal });
  const buckets = createBuckets(metadata, Date);
  const versions = createVersions({ metadata, content, clock: Date });
  const bucket = await buckets.create(parseBucketName('bucket'), {
    owner: 'alice',
    region: 'us-east-1',
    versioning: 'unversioned',
    objectLock: false,
    ownership: 'BucketOwnerEnforced',
    acl: [],
    documents: {},
  });
  const prepared = await content.ingest(Buffer.from('content'));
  const { order } = await content.transact([prepared], (transaction) =>
    versions.put(
      transaction,
      { bucket, key: 'key' },
      {
        sizeBytes: 7,
        etag: '',
        body: prepared.digest,
        owner: 'alice',
        extra: { headers: {}, metadata: {}, tags: [], acl: [] },
      },
    ),
  );
  expect(await check()).toMatchObject({ errorCount: 0, noteCount: 0, edges: 1 });

  await content.transact([], (transaction) =>
    content.removeEdge(transaction, prepared.digest, versionOwner(bucket.record.id, 'key', order)),
  );
  expect(await check()).toMatchObject({ errors: [{ kind: 'edge-missing', digest: prepared.digest }] });
  await running.close();
});
