import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lockDataFolders } from '../../composition/data-folders.ts';
import { openStores } from '../../composition/open-stores.ts';
import { openStore } from '../../composition/store-tools.ts';
import { loadConfig } from '../../config/load.ts';
import { VetoChain } from '../../extension/veto-chain.ts';
import { parseBucketName } from '../../extensions/s3/bucket-name.ts';
import { createBuckets } from '../../extensions/s3/store/buckets.ts';
import { createVersions } from '../../extensions/s3/store/create-versions.ts';
import { runCli } from '../run-cli.ts';

const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const SHA256 = 'sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73';
let folder = '';

async function run(args: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    env: {},
    cwd: folder,
    cores: 1,
    print: (text: string) => void out.push(text),
    complain: (text: string) => void err.push(text),
    readInput: async () => '',
  };
  const services = { serve: async () => {}, checkExtensions: async () => [], openStore };
  const code = await runCli(['stat', ...args], terminal, services);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-stat-'));
  const loaded = await loadConfig({
    file: undefined,
    flags: {},
    env: {},
    cwd: folder,
    cores: 1,
    sections: {},
  });
  if (!loaded.ok) throw new Error('the configuration is wrong');
  const folders = await lockDataFolders(loaded.config);
  const clock = { now: () => AT_MS };
  const { metadata, volumes, close } = await openStores(loaded.config, {
    log: pino({ level: 'silent' }),
    clock,
    vetoes: new VetoChain(),
    observers: () => [],
    onFatal: () => {},
  });
  const { content } = volumes[0];
  const buckets = createBuckets(metadata, clock);
  const versions = createVersions({ metadata, content, clock });
  const bucket = await buckets.create(parseBucketName('photos'), {
    owner: 'alice',
    region: 'us-east-1',
    versioning: 'enabled',
    objectLock: false,
    ownership: 'BucketOwnerEnforced',
    acl: [],
    documents: {},
  });
  const put = async (key: string, more: object) => {
    const prepared = await content.ingest(Buffer.from('content'));
    await content.transact([prepared], (transaction) =>
      versions.put(
        transaction,
        { bucket, key },
        {
          sizeBytes: 7,
          etag: '9a0364b9e99bb480dd25e1f0284c8555',
          body: prepared.digest,
          owner: 'alice',
          extra: { headers: { 'content-type': 'image/jpeg' }, metadata: {}, tags: [], acl: [] },
          ...more,
        },
      ),
    );
  };
  const checksum = { algorithm: 'CRC32', type: 'FULL_OBJECT', value: 'AAAAAA==' };
  await put('2024/a cat.jpg', { sha256: SHA256, checksum });
  await put('large', {});
  await content.transact([], (transaction) => versions.remove(transaction, { bucket, key: 'gone' }, 'alice'));
  await close();
  for (const each of folders) each.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('says what is stored under a key, whose digest may be pending', async () => {
  const { code, out } = await run(['s3://photos/2024/a cat.jpg']);
  expect(code).toBe(0);
  for (const line of [
    /^Object: +s3:\/\/photos\/2024\/a cat\.jpg$/m,
    /^Size: +7 bytes$/m,
    /^Type: +image\/jpeg$/m,
    /^Modified: +2026-01-02T03:04:05\.000Z$/m,
    /^Version: +[0-9a-f]{32}$/m,
    /^ETag: +9a0364b9e99bb480dd25e1f0284c8555$/m,
    new RegExp(`^Digest: +${SHA256}$`, 'm'),
    /^Checksum: +CRC32 AAAAAA== \(FULL_OBJECT\)$/m,
  ])
    expect(out).toMatch(line);
  expect((await run(['s3://photos/large'])).out).toMatch(/^Digest: +pending$/m);
});

it('says it as JSON, of one version too', async () => {
  const { out } = await run(['s3://photos/large', '--json']);
  const facts = JSON.parse(out);
  expect(facts).toMatchObject({ bucket: 'photos', key: 'large', sizeBytes: 7, owner: 'alice', digest: null });
  const again = await run(['s3://photos/large', '--json', '--version-id', facts.versionId]);
  expect(JSON.parse(again.out)).toEqual(facts);
});

it('says what is not there, and what is no address', async () => {
  for (const [args, code, message] of [
    [['s3://photos/missing'], 1, /does not exist/],
    [['s3://photos/gone'], 1, /does not exist/],
    [['s3://other/key'], 1, /bucket does not exist/],
    [['s3://photos/large', '--version-id', 'x'], 1, /Invalid version id/],
    [['s3://photos'], 2, /write s3:\/\/bucket\/key/],
    [['photos/key'], 2, /write s3:\/\/bucket\/key/],
  ] as const) {
    const result = await run(args);
    expect([args, result.code]).toEqual([args, code]);
    expect(result.err).toMatch(message);
    expect(result.out).toBe('');
  }
});
