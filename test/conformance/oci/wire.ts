import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import { expect } from 'vitest';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value as received. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Sends the body without a Content-Length. */
  readonly isChunked?: boolean;
}

export const TYPE = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  empty: 'application/vnd.oci.empty.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

export interface Described {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface ImageParts {
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: Described;
  readonly configType?: string;
  readonly layers?: readonly string[];
}

export function digestOf(content: string | Uint8Array, algorithm: 'sha256' | 'sha512' = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;
}

/** A plain HTTP client for one server: targets, headers and bodies go out exactly as given. */
export class Wire {
  readonly #host: string;
  readonly #port: number;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#host = hostname;
    this.#port = Number(port);
  }

  send(method: string, path: string, ask: Ask = {}): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const body = ask.body === undefined ? undefined : Buffer.from(ask.body);
    const length = body === undefined || ask.isChunked ? {} : { 'content-length': String(body.length) };
    const headers = { ...length, ...ask.headers };
    const outgoing = request({ host: this.#host, port: this.#port, method, path, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const { statusCode = 0, headers, rawHeaders } = incoming;
        resolve({ status: statusCode, headers, rawHeaders, body: Buffer.concat(chunks) });
      });
    });
    outgoing.on('error', reject);
    if (body !== undefined) outgoing.write(body);
    outgoing.end();
    return promise;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('GET', path, { headers });
  }

  head(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('HEAD', path, { headers });
  }

  /** Pushes a blob in one request. */
  async pushBlob(
    repository: string,
    content: string | Uint8Array,
    digest = digestOf(content),
  ): Promise<string> {
    const answer = await this.send('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, {
      headers: { 'content-type': 'application/octet-stream' },
      body: content,
    });
    expect(answer.status).toBe(201);
    return digest;
  }

  putManifest(
    repository: string,
    reference: string,
    content: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const mediaType: string = JSON.parse(content).mediaType;
    return this.send('PUT', `/v2/${repository}/manifests/${reference}`, {
      headers: { 'content-type': mediaType, ...headers },
      body: content,
    });
  }

  /** Pushes an image with its blobs; `reference` is its digest when undefined. */
  async pushImage(repository: string, reference?: string, parts: ImageParts = {}): Promise<Pushed> {
    const config = '{}';
    const layers = parts.layers ?? ['layer'];
    for (const blob of [config, ...layers]) await this.pushBlob(repository, blob);
    const content = JSON.stringify({
      schemaVersion: 2,
      mediaType: TYPE.manifest,
      ...(parts.artifactType === undefined ? {} : { artifactType: parts.artifactType }),
      config: describeContent(parts.configType ?? TYPE.config, config),
      layers: layers.map((layer) => describeContent(TYPE.layer, layer)),
      ...(parts.subject === undefined ? {} : { subject: parts.subject }),
      ...(parts.annotations === undefined ? {} : { annotations: parts.annotations }),
    });
    const digest = digestOf(content);
    const answer = await this.putManifest(repository, reference ?? digest, content);
    expect(answer.status).toBe(201);
    return { ...describeContent(TYPE.manifest, content), content, answer };
  }
}

export interface Pushed extends Described {
  readonly content: string;
  readonly answer: Answer;
}

export function describeContent(mediaType: string, content: string): Described {
  return { mediaType, digest: digestOf(content), size: Buffer.byteLength(content) };
}

/** That an answer is a failure with the body of the spec. */
export function expectError(answer: Answer, status: number, code: string): void {
  expect(`${answer.status} ${answer.body}`).toContain(`${status} {"errors":[{"code":"${code}","message":"`);
  expect(answer.headers['content-type']).toBe('application/json');
}

export function json(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.body.toString());
}

/** Every value of a header, in order. */
export function values(answer: Answer, name: string): readonly string[] {
  return answer.rawHeaders.filter((_, i) => i % 2 === 1 && answer.rawHeaders[i - 1]?.toLowerCase() === name);
}
