import { hash } from 'node:crypto';
import type { Connection, ExchangeOptions } from './connection.ts';
import { headerOf, type Response } from './response-reader.ts';
import type { OpenUpload, S3Session } from './s3-session.ts';
import type { RequestToSign, S3Signer } from './s3-signer.ts';
import type { Parts, S3Task } from './s3-task.ts';

/** What an S3 operation needs of the one who runs it. */
export interface S3Execution {
  readonly connection: Connection;
  readonly signer: S3Signer;
  readonly session: S3Session;
  /** Number of this operation in its load. */
  readonly index: number;
}

const MAX_PAGES = 10_000;

/** Does one operation. Resolves with the bytes of the bodies it moved; throws when an answer is not the right one. */
export async function executeS3(task: S3Task, execution: S3Execution): Promise<number> {
  const { session, index } = execution;
  const { bucket } = task;
  switch (task.kind) {
    case 'create-bucket':
      await ask({ method: 'PUT', path: `/${bucket}`, bodyBytes: 0 }, 200, execution);
      return 0;
    case 'put': {
      const key = `${task.prefix}${index}`;
      await put({ path: `/${bucket}/${key}`, sizeBytes: task.sizeBytes }, execution);
      session.onPut(task.prefix, key);
      return task.sizeBytes;
    }
    case 'get': {
      const path = `/${bucket}/${task.prefix}${index % task.count}`;
      const { bodyBytes } = await ask({ method: 'GET', path }, 200, execution);
      if (bodyBytes !== task.sizeBytes) throw new Error(`${path} has ${bodyBytes} bytes`);
      return bodyBytes;
    }
    case 'stat': {
      const path = `/${bucket}/${task.prefix}${index % task.count}`;
      const { head } = await ask({ method: 'HEAD', path }, 200, execution, { isHead: true });
      const length = headerOf(head, 'content-length');
      if (length !== String(task.sizeBytes)) throw new Error(`${path} is said to have ${length} bytes`);
      return 0;
    }
    case 'delete':
      await ask({ method: 'DELETE', path: `/${bucket}/${session.takeKey(task.prefix)}` }, 204, execution);
      return 0;
    case 'delete-batch':
      return deleteBatch(task, execution);
    case 'list-objects':
      return list(task, execution);
    case 'multipart':
      await complete(bucket, await uploadParts(bucket, task, execution), execution);
      return task.parts * task.partBytes;
    case 'upload-parts':
      session.onOpened(task.prefix, await uploadParts(bucket, task, execution));
      return task.parts * task.partBytes;
    case 'complete':
      await complete(bucket, session.takeUpload(task.prefix), execution);
      return 0;
  }
}

async function put(
  { path, query, sizeBytes }: { readonly path: string; readonly query?: string; readonly sizeBytes: number },
  execution: S3Execution,
): Promise<Response> {
  const body = execution.session.bytes.create(sizeBytes);
  const request = { method: 'PUT', path, bodyBytes: sizeBytes, ...(query !== undefined && { query }) };
  return ask(request, 200, execution, { body });
}

async function deleteBatch(
  { bucket, prefix, keys }: S3Task & { kind: 'delete-batch' },
  execution: S3Execution,
): Promise<number> {
  const objects: string[] = [];
  while (objects.length < keys) {
    objects.push(`<Object><Key>${execution.session.takeKey(prefix)}</Key></Object>`);
  }
  const document = `<Delete><Quiet>true</Quiet>${objects.join('')}</Delete>`;
  const md5 = hash('md5', document, 'base64');
  const { body } = await postDocument(
    { path: `/${bucket}`, query: 'delete=', document, unsigned: `Content-MD5: ${md5}\r\n` },
    execution,
  );
  if (body?.includes('<Error>') === true) throw new Error(`not all were deleted: ${body.toString()}`);
  return document.length;
}

async function list(
  { bucket, prefix, count }: S3Task & { kind: 'list-objects' },
  execution: S3Execution,
): Promise<number> {
  let bytes = 0;
  let listed = 0;
  let token: string | undefined;
  for (let page = 0; page === 0 || token !== undefined; page++) {
    if (page === MAX_PAGES) throw new Error(`the list has more than ${MAX_PAGES} pages`);
    const after = token === undefined ? '' : `continuation-token=${encodeURIComponent(token)}&`;
    const query = `${after}list-type=2&prefix=${encodeURIComponent(prefix)}`;
    const request = { method: 'GET', path: `/${bucket}`, query };
    const { body } = await ask(request, 200, execution, { keepBody: true });
    const text = body?.toString() ?? '';
    bytes += text.length;
    listed += Number(/<KeyCount>(\d+)</.exec(text)?.[1]);
    token = /<NextContinuationToken>([^<]+)</.exec(text)?.[1];
  }
  if (listed !== count) throw new Error(`${listed} objects were listed, not ${count}`);
  return bytes;
}

async function uploadParts(
  bucket: string,
  { prefix, parts, partBytes }: Parts,
  execution: S3Execution,
): Promise<OpenUpload> {
  const key = `${prefix}${execution.index}`;
  const path = `/${bucket}/${key}`;
  const created = await ask({ method: 'POST', path, query: 'uploads=', bodyBytes: 0 }, 200, execution, {
    keepBody: true,
  });
  const uploadId = /<UploadId>([^<]+)</.exec(created.body?.toString() ?? '')?.[1];
  if (uploadId === undefined) throw new Error('an upload has no id');
  const etags: string[] = [];
  for (let number = 1; number <= parts; number++) {
    const query = `partNumber=${number}&uploadId=${encodeURIComponent(uploadId)}`;
    const { head } = await put({ path, query, sizeBytes: partBytes }, execution);
    const etag = headerOf(head, 'etag');
    if (etag === undefined) throw new Error('a part has no ETag');
    etags.push(etag);
  }
  return { key, uploadId, etags };
}

async function complete(
  bucket: string,
  { key, uploadId, etags }: OpenUpload,
  execution: S3Execution,
): Promise<void> {
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  const document = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
  const query = `uploadId=${encodeURIComponent(uploadId)}`;
  const { body } = await postDocument({ path: `/${bucket}/${key}`, query, document }, execution);
  // An error may come after a 200, too.
  if (body?.includes('<ETag>') !== true) throw new Error(`not completed: ${body?.toString()}`);
}

function postDocument(
  {
    path,
    query,
    document,
    unsigned,
  }: {
    readonly path: string;
    readonly query: string;
    readonly document: string;
    readonly unsigned?: string;
  },
  execution: S3Execution,
): Promise<Response> {
  const body = [Buffer.from(document)];
  const request = { method: 'POST', path, query, bodyBytes: Buffer.byteLength(document) };
  return ask({ ...request, ...(unsigned !== undefined && { unsigned }) }, 200, execution, {
    body,
    keepBody: true,
  });
}

async function ask(
  request: RequestToSign,
  status: number,
  { connection, signer }: S3Execution,
  options: ExchangeOptions = {},
): Promise<Response> {
  const response = await connection.exchange(signer.head(request), options);
  if (response.status === status) return response;
  throw new Error(`${request.method} ${request.path} was answered ${response.status} instead of ${status}`);
}
