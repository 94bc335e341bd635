import type { Connection } from './connection.ts';
import {
  digestOf,
  type ImageBlob,
  type ImageFactory,
  type ImageReference,
  MANIFEST_TYPE,
  referrerOf,
  variantOf,
} from './image.ts';
import type { RegistryTask } from './job.ts';
import { headerOf, type Response } from './response-reader.ts';

/** What an operation needs of the one who runs it. */
export interface Execution {
  readonly connection: Connection;
  readonly host: string;
  readonly images: ImageFactory;
  /** Number of this operation in its load. */
  readonly index: number;
  onPushed(image: ImageReference): void;
}

/** Docker's stream of a layer comes in pieces of about this size. */
const STREAMED_PIECE_BYTES = 64 * 1024;
const WHOLE_PIECE_BYTES = 256 * 1024;
const MAX_PAGES = 10_000;
const ACCEPT = `Accept: ${MANIFEST_TYPE}, application/vnd.oci.image.index.v1+json\r\n`;
const CRLF = Buffer.from('\r\n');

/** Does one operation. Resolves with the bytes of the bodies it moved; throws when an answer is not the right one. */
export function execute(task: RegistryTask, execution: Execution): Promise<number> {
  switch (task.kind) {
    case 'request':
      return request(task.method, pick(task.paths, execution.index), execution);
    case 'list':
      return list(task.path, execution);
    case 'push':
      return push(task, execution);
    case 'pull':
      return pull(pick(task.images, execution.index), execution);
    case 'tag':
      return putManifest(task.image, numberedTag(execution.index), task.image.manifest, execution);
    case 'refer': {
      const manifest = referrerOf(task.image, execution.index);
      return putManifest(task.image, digestOf(manifest), manifest, execution);
    }
    case 'variant': {
      const image = pick(task.images, execution.index);
      const manifest = variantOf(image, execution.index);
      return putManifest(image, numberedTag(execution.index), manifest, execution);
    }
  }
}

/** The tag the operation of this number sets. */
export function numberedTag(index: number): string {
  return `t${index}`;
}

async function request(
  method: 'GET' | 'HEAD',
  path: string,
  { connection, host }: Execution,
): Promise<number> {
  const response = await connection.exchange(headOf(method, path, host, ACCEPT), {
    isHead: method === 'HEAD',
  });
  return must(response, 200, path).bodyBytes;
}

async function list(path: string, { connection, host }: Execution): Promise<number> {
  let bytes = 0;
  let next: string | undefined = path;
  for (let page = 0; next !== undefined; page++) {
    if (page === MAX_PAGES) throw new Error(`${path} has more than ${MAX_PAGES} pages`);
    const response: Response = await connection.exchange(headOf('GET', next, host));
    bytes += must(response, 200, next).bodyBytes;
    const link: string | undefined = headerOf(response.head, 'link');
    next = link === undefined ? undefined : localPath(/<([^>]+)>/.exec(link)?.[1] ?? '');
  }
  return bytes;
}

async function pull(image: ImageReference, { connection, host }: Execution): Promise<number> {
  const { repository, tag, manifest, config, layer } = image;
  const base = `/v2/${repository}`;
  const manifestPath = `${base}/manifests/${tag}`;
  must(
    await connection.exchange(headOf('HEAD', manifestPath, host, ACCEPT), { isHead: true }),
    200,
    manifestPath,
  );
  let bytes = 0;
  for (const [path, sizeBytes] of [
    [manifestPath, Buffer.byteLength(manifest)],
    [`${base}/blobs/${config.digest}`, config.sizeBytes],
    [`${base}/blobs/${layer.digest}`, layer.sizeBytes],
  ] as const) {
    const { bodyBytes } = must(await connection.exchange(headOf('GET', path, host, ACCEPT)), 200, path);
    if (bodyBytes !== sizeBytes) throw new Error(`${path} has ${bodyBytes} bytes, not ${sizeBytes}`);
    bytes += bodyBytes;
  }
  return bytes;
}

async function push(task: RegistryTask & { kind: 'push' }, execution: Execution): Promise<number> {
  const name = Math.random().toString(36).slice(2, 10);
  const image = execution.images.create(`${task.prefix}${execution.index}-${name}`, task.sizeBytes);
  const { repository, layer, config, configBytes, manifest, tag } = image;
  const upload = task.mode === 'monolith' ? uploadWhole : uploadStreamed;
  await upload({ repository, blob: layer, pieces: (size) => image.layerPieces(size) }, execution);
  await upload({ repository, blob: config, pieces: () => [configBytes] }, execution);
  await putManifest(image, tag, manifest, execution);
  const { manifestDigest } = image;
  execution.onPushed({ repository, tag, manifest, manifestDigest, config, layer });
  return layer.sizeBytes + config.sizeBytes + Buffer.byteLength(manifest);
}

interface Upload {
  readonly repository: string;
  readonly blob: ImageBlob;
  pieces(pieceBytes: number): Iterable<Buffer>;
}

/** POST, then PUT with the whole blob. */
async function uploadWhole({ repository, blob, pieces }: Upload, execution: Execution): Promise<void> {
  const { connection, host } = execution;
  const location = await startUpload(repository, execution);
  const path = withDigest(location, blob);
  const head = headOf('PUT', path, host, bodyHeaders(blob.sizeBytes));
  must(await connection.exchange(head, { body: pieces(WHOLE_PIECE_BYTES) }), 201, 'PUT of a blob');
}

/** POST, one PATCH with a body of no announced length, then PUT without a body: what Docker does. */
async function uploadStreamed({ repository, blob, pieces }: Upload, execution: Execution): Promise<void> {
  const { connection, host } = execution;
  const started = await startUpload(repository, execution);
  const patch = headOf(
    'PATCH',
    started,
    host,
    'Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n',
  );
  const body = framed(pieces(STREAMED_PIECE_BYTES));
  const response = must(await connection.exchange(patch, { body }), 202, 'PATCH of an upload');
  const path = withDigest(locationOf(response), blob);
  must(await connection.exchange(headOf('PUT', path, host, bodyHeaders(0))), 201, 'PUT of an upload');
}

async function startUpload(repository: string, { connection, host }: Execution): Promise<string> {
  const path = `/v2/${repository}/blobs/uploads/`;
  return locationOf(must(await connection.exchange(headOf('POST', path, host, bodyHeaders(0))), 202, path));
}

async function putManifest(
  { repository }: ImageReference,
  reference: string,
  manifest: string,
  { connection, host }: Execution,
): Promise<number> {
  const bytes = Buffer.from(manifest);
  const path = `/v2/${repository}/manifests/${reference}`;
  const headers = `Content-Type: ${MANIFEST_TYPE}\r\nContent-Length: ${bytes.length}\r\n`;
  must(await connection.exchange(headOf('PUT', path, host, headers), { body: [bytes] }), 201, path);
  return bytes.length;
}

function* framed(pieces: Iterable<Buffer>): Generator<Buffer> {
  for (const piece of pieces) {
    yield Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, CRLF]);
  }
  yield Buffer.from('0\r\n\r\n');
}

function headOf(method: string, path: string, host: string, headers = ''): string {
  return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`;
}

function bodyHeaders(sizeBytes: number): string {
  return `Content-Type: application/octet-stream\r\nContent-Length: ${sizeBytes}\r\n`;
}

function must(response: Response, status: number, what: string): Response {
  if (response.status === status) return response;
  throw new Error(`${what} was answered ${response.status} instead of ${status}`);
}

function locationOf({ head }: Response): string {
  const location = headerOf(head, 'location');
  if (location === undefined) throw new Error('an upload has no Location');
  return localPath(location);
}

function localPath(location: string): string {
  if (location.startsWith('/')) return location;
  const { pathname, search } = new URL(location);
  return pathname + search;
}

function withDigest(location: string, { digest }: ImageBlob): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`;
}

function pick<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError('there is nothing to choose from');
  return item;
}
