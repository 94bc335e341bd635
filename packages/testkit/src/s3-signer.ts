import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

export interface SignerOptions {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region?: string;
  readonly at: Date;
}

export interface RequestToSign {
  readonly method: string;
  /** `http://localhost:9000/bucket/key?list-type=2`; the path is sent as it stands here. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Value of `x-amz-content-sha256`; the hash of nothing unless given, in URLs UNSIGNED-PAYLOAD. */
  readonly payloadHash?: string;
}

export const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** The headers of the request, signed by the signer of the JavaScript SDK. */
export async function signHeaders(
  request: RequestToSign,
  options: SignerOptions,
): Promise<Record<string, string>> {
  const signed = await signer(options).sign(
    toSign(request, { 'x-amz-content-sha256': request.payloadHash ?? EMPTY_SHA256 }),
    { signingDate: options.at },
  );
  return signed.headers;
}

/** The target of a presigned URL, `/bucket/key?X-Amz-...`, made by the signer of the JavaScript SDK. */
export async function presignTarget(
  request: RequestToSign,
  options: SignerOptions & { readonly expiresIn: number },
): Promise<string> {
  // As the client does; the signer moves it into the query.
  const payload = { 'x-amz-content-sha256': request.payloadHash ?? 'UNSIGNED-PAYLOAD' };
  const signed = await signer(options).presign(toSign(request, payload), {
    signingDate: options.at,
    expiresIn: options.expiresIn,
  });
  const query = Object.entries(signed.query ?? {}).flatMap(([name, value]) =>
    [value ?? ''].flat().map((each) => `${encodeURIComponent(name)}=${encodeURIComponent(each)}`),
  );
  return `${signed.path}?${query.join('&')}`;
}

function signer({
  accessKeyId,
  secretAccessKey,
  sessionToken,
  region = 'us-east-1',
}: SignerOptions): SignatureV4 {
  return new SignatureV4({
    service: 's3',
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    sha256: NodeSha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
}

function toSign({ method, url, headers }: RequestToSign, more: Record<string, string>) {
  const [, protocol = 'http:', host = '', path = '/', rawQuery = ''] =
    /^(https?:)\/\/([^/?]+)([^?]*)\??(.*)$/.exec(url) ?? [];
  const query: Record<string, string[]> = {};
  for (const pair of rawQuery === '' ? [] : rawQuery.split('&')) {
    const [name = '', value = ''] = pair
      .split('=')
      .map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
    query[name] = [...(query[name] ?? []), value];
  }
  return {
    method,
    protocol,
    hostname: host,
    path: path === '' ? '/' : path,
    query,
    headers: { host, ...headers, ...more },
  };
}

/** What the signer of the SDK asks of a hash. */
class NodeSha256 {
  readonly #hash: { update(data: Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('the signer makes a hash for each use');
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
