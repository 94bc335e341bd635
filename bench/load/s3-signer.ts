import { createHmac, hash } from 'node:crypto';
import type { S3Access } from './s3-access.ts';

export interface RequestToSign {
  readonly method: string;
  /** Of characters that need no escaping. */
  readonly path: string;
  /** As it is sent: sorted by name and escaped. */
  readonly query?: string;
  readonly bodyBytes?: number;
  /** Header lines that are not signed, each with its line end. */
  readonly unsigned?: string;
}

const UNSIGNED = 'UNSIGNED-PAYLOAD';
const SIGNED_HEADERS = 'host;x-amz-content-sha256;x-amz-date';

/**
 * Heads of requests with a version 4 signature in a header. It shares its processors with the server it measures, so the
 * body is not signed (all servers get it so) and what lasts a day is computed once.
 */
export class S3Signer {
  readonly #access: S3Access;
  readonly #host: string;
  #day = '';
  #key: Buffer = Buffer.alloc(0);
  #second = 0;
  #date = '';

  constructor(access: S3Access, host: string) {
    this.#access = access;
    this.#host = host;
  }

  /** The whole head, with the empty line that ends it. */
  head({ method, path, query = '', bodyBytes, unsigned = '' }: RequestToSign, nowMs = Date.now()): string {
    this.#tell(nowMs);
    const { accessKeyId, region } = this.#access;
    const date = this.#date;
    const canonical = `${method}\n${path}\n${query}\nhost:${this.#host}\nx-amz-content-sha256:${UNSIGNED}\nx-amz-date:${date}\n\n${SIGNED_HEADERS}\n${UNSIGNED}`;
    const scope = `${this.#day}/${region}/s3/aws4_request`;
    const signature = createHmac('sha256', this.#key)
      .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash('sha256', canonical)}`)
      .digest('hex');
    const target = query === '' ? path : `${path}?${query}`;
    const length = bodyBytes === undefined ? '' : `Content-Length: ${bodyBytes}\r\n`;
    return `${method} ${target} HTTP/1.1\r\nHost: ${this.#host}\r\n${length}${unsigned}X-Amz-Content-Sha256: ${UNSIGNED}\r\nX-Amz-Date: ${date}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${SIGNED_HEADERS}, Signature=${signature}\r\n\r\n`;
  }

  #tell(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#date = new Date(second * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
    const day = this.#date.slice(0, 8);
    if (day === this.#day) return;
    this.#day = day;
    const { secretAccessKey, region } = this.#access;
    this.#key = [day, region, 's3', 'aws4_request'].reduce<Buffer>(
      (key, part) => createHmac('sha256', key).update(part).digest(),
      Buffer.from(`AWS4${secretAccessKey}`),
    );
  }
}
