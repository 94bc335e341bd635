import { createHash } from 'node:crypto';
import { signHeaders } from '../../s3-signer.ts';
import type { Answer } from '../client.ts';
import { expectStatus } from '../oci/expect-status.ts';
import type { Random } from '../random.ts';
import type { Turn } from '../workload.ts';

export interface S3FaultRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

const PIECE_BYTES = 16 * 1024;

/** Signed as root. Throws a Violation for a status that is not among `statuses`. */
export async function sendS3(
  { client }: Pick<Turn, 'client'>,
  { method, target, headers = {}, body = Buffer.alloc(0) }: S3FaultRequest,
  statuses: readonly number[],
): Promise<Answer> {
  const signed = await signHeaders(
    { method, url: `${client.url}${target}`, headers, payloadHash: sha256Of(body) },
    { accessKeyId: client.root.user, secretAccessKey: client.root.password, at: new Date() },
  );
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += PIECE_BYTES) pieces.push(body.subarray(at, at + PIECE_BYTES));
  const answer = await client.send({ method, target, headers: signed, body: pieces });
  expectStatus({ method, target }, answer, statuses);
  return answer;
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Inline, small and large bodies. */
export function newBody(random: Random): Buffer {
  return random.bytes(random.pick([0, 40, 3_000, 30_000, 400_000]) ?? 0);
}
