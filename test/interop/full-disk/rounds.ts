/**
 * Fills the disk at the path it is given with images pushed to a server on it, then with a stranger's file, restarts
 * the server, deletes, lets the collector work, and pushes again; a few times. Prints what it saw as JSON. Run by
 * full-disk.test.ts in a mount namespace of its own.
 */
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { type Answer, Client } from '@zot-artifact-store/testkit/fault/client.ts';
import { type Content, contentOf } from '@zot-artifact-store/testkit/fault/oci/content.ts';
import { Random } from '@zot-artifact-store/testkit/fault/random.ts';
import { signHeaders } from '@zot-artifact-store/testkit/s3-signer.ts';

export interface RoundReport {
  readonly images: number;
  /** The first refusal, and that of a small push after it. */
  readonly refusals: readonly { readonly status: number; readonly body: string }[];
  /** All images, read back whole from the full disk, before and after the restart. */
  readonly readBack: number;
  readonly readAfterRestart: number;
  readonly freeBytesWhenFull: number;
  readonly deleted: number;
  readonly freeBytesAfter: number;
  readonly pushedAfter: boolean;
  /** The same of objects: in a plain bucket, in a versioned one, and parts of an upload. */
  readonly s3: {
    readonly objects: number;
    readonly refused: number;
    readonly readAfterRestart: number;
    readonly deleted: number;
    readonly putAfter: number;
  };
}

const ROUNDS = 3;
const LAYER_BYTES = 1_000_000;
const MOST_IMAGES = 500;
const PATIENCE_MS = 60_000;
const OCTETS = { 'content-type': 'application/octet-stream' };
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

interface Image {
  readonly manifest: Content;
  readonly layer: Content;
}

const [, , disk = ''] = process.argv;
const filler = join(disk, 'filler');
const random = new Random('full disk');
const config = {
  storage: {
    rootDirectory: join(disk, 'data'),
    gcDelay: '1s',
    gcInterval: '500ms',
    reserveBytes: '16MiB',
  },
  log: { level: 'warn' },
};

const freeBytes = (): number => {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
};

async function pushBlob(client: Client, { digest, bytes }: Content): Promise<Answer> {
  const target = `/v2/app/blobs/uploads/?digest=${digest}`;
  return client.send({ method: 'POST', target, headers: OCTETS, body: [bytes] });
}

/** The image, or what refused it. */
async function pushImage(client: Client): Promise<Image | Answer> {
  const layer = contentOf(random.bytes(LAYER_BYTES));
  const config = contentOf(Buffer.from(JSON.stringify({ layer: layer.digest })));
  for (const content of [layer, config]) {
    const answer = await pushBlob(client, content);
    if (answer.status !== 201) return answer;
  }
  const describe = (mediaType: string, { digest, bytes }: Content) => ({
    mediaType,
    digest,
    size: bytes.length,
  });
  const manifest = contentOf(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        config: describe('application/vnd.oci.image.config.v1+json', config),
        layers: [describe('application/vnd.oci.image.layer.v1.tar', layer)],
      }),
    ),
  );
  const target = `/v2/app/manifests/${manifest.digest}`;
  const headers = { 'content-type': MANIFEST_TYPE };
  const answer = await client.send({ method: 'PUT', target, headers, body: [manifest.bytes] });
  return answer.status === 201 ? { manifest, layer } : answer;
}

async function countReadable(client: Client, images: readonly Image[]): Promise<number> {
  let readable = 0;
  for (const { manifest, layer } of images) {
    const found = await client.send({ method: 'GET', target: `/v2/app/manifests/${manifest.digest}` });
    const blob = await client.send({ method: 'GET', target: `/v2/app/blobs/${layer.digest}` });
    if (found.body.equals(manifest.bytes) && blob.body.equals(layer.bytes)) readable += 1;
  }
  return readable;
}

async function sendS3(
  client: Client,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  target: string,
  body: Buffer = Buffer.alloc(0),
): Promise<Answer> {
  const { digest } = contentOf(body);
  const headers = await signHeaders(
    { method, url: `${client.url}${target}`, payloadHash: digest.slice('sha256:'.length) },
    { accessKeyId: client.root.user, secretAccessKey: client.root.password, at: new Date() },
  );
  return client.send({ method, target, headers, body: [body] });
}

const ENABLED = Buffer.from('<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
/** Of 1 MB each, in each bucket. */
const OBJECTS = 6;

interface StoredObjects {
  readonly bodies: readonly Buffer[];
  /** Of the versioned bucket, in the order of the bodies. */
  readonly versions: readonly string[];
  readonly uploadId: string;
}

async function putObjects(client: Client, round: number): Promise<StoredObjects> {
  const bodies: Buffer[] = [];
  const versions: string[] = [];
  for (const bucket of [`plain-${round}`, `versioned-${round}`]) await sendS3(client, 'PUT', `/${bucket}`);
  await sendS3(client, 'PUT', `/versioned-${round}?versioning`, ENABLED);
  const { body } = await sendS3(client, 'POST', `/plain-${round}/upload?uploads`);
  const uploadId = /<UploadId>(.+)<\/UploadId>/.exec(body.toString())?.[1] ?? '';
  for (let index = 0; index < OBJECTS; index++) {
    const bytes = random.bytes(LAYER_BYTES);
    bodies.push(bytes);
    await sendS3(client, 'PUT', `/plain-${round}/${index}`, bytes);
    const { headers } = await sendS3(client, 'PUT', `/versioned-${round}/key`, bytes);
    versions.push(headers['x-amz-version-id'] ?? '');
    await sendS3(client, 'PUT', `/plain-${round}/upload?partNumber=${index + 1}&uploadId=${uploadId}`, bytes);
  }
  return { bodies, versions, uploadId };
}

async function countReadableObjects(
  client: Client,
  round: number,
  { bodies, versions }: StoredObjects,
): Promise<number> {
  let readable = 0;
  for (const [index, bytes] of bodies.entries()) {
    const plain = await sendS3(client, 'GET', `/plain-${round}/${index}`);
    const version = await sendS3(client, 'GET', `/versioned-${round}/key?versionId=${versions[index]}`);
    if (plain.body.equals(bytes) && version.body.equals(bytes)) readable += 1;
  }
  return readable;
}

/** Everything of the round, and its buckets; how many requests did what they should. */
async function deleteObjects(client: Client, round: number, { versions, uploadId }: StoredObjects) {
  const targets = [
    `/plain-${round}/upload?uploadId=${uploadId}`,
    `/versioned-${round}/key`,
    ...versions.map((version) => `/versioned-${round}/key?versionId=${version}`),
    ...versions.map((_version, index) => `/plain-${round}/${index}`),
    `/plain-${round}`,
  ];
  let deleted = 0;
  for (const target of targets) if ((await sendS3(client, 'DELETE', target)).status === 204) deleted += 1;
  return deleted;
}

/** Takes every byte that is left, in ever smaller pieces. */
function fill(): void {
  const file = openSync(filler, 'a');
  for (let size = 1024 * 1024; size >= 1; ) {
    try {
      writeSync(file, Buffer.alloc(size));
      fsyncSync(file);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      size = Math.floor(size / 2);
    }
  }
  closeSync(file);
}

async function until(isTrue: () => boolean): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  while (!isTrue() && Date.now() < endMs) await wait(50);
}

async function runRound(
  started: RunningServer,
  round: number,
): Promise<{ report: RoundReport; server: RunningServer }> {
  let server = started;
  let client = new Client(server);
  const images: Image[] = [];
  const refusals: { status: number; body: string }[] = [];
  const objects = await putObjects(client, round);
  while (refusals.length === 0 && images.length < MOST_IMAGES) {
    const pushed = await pushImage(client);
    if ('manifest' in pushed) images.push(pushed);
    else refusals.push({ status: pushed.status, body: pushed.body.toString() });
  }
  const readBack = await countReadable(client, images);
  client.close();
  await server.stop();
  // The last bytes go while no server runs, so that the next one starts with none.
  fill();
  const freeBytesWhenFull = freeBytes();
  server = await startServer({ config, workers: 2 });
  client = new Client(server);
  const { status, body } = await pushBlob(client, contentOf(Buffer.from('small')));
  refusals.push({ status, body: body.toString() });
  const readAfterRestart = await countReadable(client, images);
  const small = Buffer.from('small');
  const s3Refusals = [
    await sendS3(client, 'PUT', `/plain-${round}/new`, small),
    await sendS3(client, 'PUT', `/plain-${round}/0`, small),
    await sendS3(client, 'PUT', `/new-${round}`),
  ];
  const objectsReadable = await countReadableObjects(client, round, objects);
  const objectsDeleted = await deleteObjects(client, round, objects);
  let deleted = 0;
  for (const { manifest } of images) {
    const answer = await client.send({ method: 'DELETE', target: `/v2/app/manifests/${manifest.digest}` });
    if (answer.status === 202) deleted += 1;
  }
  const wanted = (images.length * LAYER_BYTES) / 2;
  await until(() => freeBytes() > wanted);
  const freeBytesAfter = freeBytes();
  rmSync(filler);
  const again = await pushImage(client);
  const { status: putAfter } = await sendS3(client, 'PUT', `/versioned-${round}/again`, small);
  client.close();
  const report = {
    images: images.length,
    refusals,
    readBack,
    readAfterRestart,
    freeBytesWhenFull,
    deleted,
    freeBytesAfter,
    pushedAfter: 'manifest' in again,
    s3: {
      objects: OBJECTS,
      refused: s3Refusals.filter((answer) => answer.status === 507).length,
      readAfterRestart: objectsReadable,
      deleted: objectsDeleted,
      putAfter,
    },
  };
  return { report, server };
}

const reports: RoundReport[] = [];
let server = await startServer({ config, workers: 2 });
for (let round = 0; round < ROUNDS; round++) {
  const outcome = await runRound(server, round);
  server = outcome.server;
  reports.push(outcome.report);
}
await server.stop();
console.log(JSON.stringify(reports));
