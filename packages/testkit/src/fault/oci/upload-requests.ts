import { type Answer, type ClientRequest, ConnectionLost } from '../client.ts';
import { Violation } from '../violation.ts';
import type { Turn } from '../workload.ts';
import { changeBlob } from './change-blob.ts';
import { type Content, inPieces } from './content.ts';
import { expectStatus } from './expect-status.ts';
import type { OciModel } from './oci-model.ts';
import { newUpload, type UploadFact } from './upload-fact.ts';

/** Opens a session, which is the caller's until it sets `isBusy` to false. */
export async function startUpload(
  { client }: Turn,
  model: OciModel,
  place: { readonly repository: string; readonly content: Content },
): Promise<UploadFact> {
  const request = { method: 'POST', target: `/v2/${place.repository}/blobs/uploads/` } as const;
  const answer = await client.send(request);
  expectStatus(request, answer, [202]);
  const upload = newUpload({ ...place, location: locationOf(answer, request.target) });
  model.uploads.add(upload);
  model.ledger.acknowledged('upload started');
  return upload;
}

/** Asks how far the session is. False when it is over, which must be possible. */
export async function checkUpload({ client }: Turn, model: OciModel, upload: UploadFact): Promise<boolean> {
  const request = { method: 'GET', target: upload.location } as const;
  const answer = await client.send(request);
  expectStatus(request, answer, [204, 404]);
  if (answer.status === 404) {
    if (!upload.mayBeFinished && !upload.mayBeCancelled) {
      throw new Violation(
        `an acknowledged upload is gone: ${upload.location} with ${upload.acknowledgedBytes} bytes`,
      );
    }
    model.uploads.delete(upload);
    return false;
  }
  adopt(upload, answer);
  upload.mayBeFinished = false;
  upload.mayBeCancelled = false;
  return true;
}

/** Sends the next `length` bytes. False when the session is elsewhere than thought, which is then known. */
export async function appendChunk(
  { client, random }: Turn,
  model: OciModel,
  {
    upload,
    length,
    hangUp = false,
  }: { readonly upload: UploadFact; readonly length: number; readonly hangUp?: boolean },
): Promise<boolean> {
  const at = upload.acknowledgedBytes;
  const bytes = upload.content.bytes.subarray(at, at + length);
  // A request that is given up may still be taken after later ones; only its place keeps it from being appended then.
  const isStream = !hangUp && upload.isOrdered && random.chance(0.4);
  const pieces = inPieces(random, bytes);
  const request: ClientRequest = {
    method: 'PATCH',
    target: upload.location,
    headers: {
      'content-type': 'application/octet-stream',
      ...(isStream || bytes.length === 0 ? {} : { 'content-range': `${at}-${at + bytes.length - 1}` }),
    },
    body: pieces,
    isChunked: isStream,
    ...(hangUp ? { hangUpAfterPieces: Math.max(0, pieces.length - 1) } : {}),
  };
  upload.sentBytes = Math.max(upload.sentBytes, at + bytes.length);
  try {
    const answer = await client.send(request);
    expectStatus(request, answer, [202, 416]);
    adopt(upload, answer);
    if (answer.status === 416) return false;
    if (upload.acknowledgedBytes < at + bytes.length) {
      throw new Violation(
        `${bytes.length} bytes at ${at} were taken, and the upload is at ${upload.acknowledgedBytes}`,
      );
    }
    model.ledger.acknowledged('chunk appended');
    return true;
  } catch (error) {
    if (error instanceof ConnectionLost) upload.isOrdered = false;
    throw error;
  }
}

/** Sends the rest with the last request. False when the session is elsewhere than thought. */
export async function finishUpload(turn: Turn, model: OciModel, upload: UploadFact): Promise<boolean> {
  const { client, random } = turn;
  const { repository, content } = upload;
  const at = upload.acknowledgedBytes;
  const rest = content.bytes.subarray(at);
  const request: ClientRequest = {
    method: 'PUT',
    target: withDigest(upload.location, content.digest),
    headers: {
      'content-type': 'application/octet-stream',
      ...(rest.length === 0 ? {} : { 'content-range': `${at}-${content.bytes.length - 1}` }),
    },
    body: inPieces(random, rest),
  };
  upload.sentBytes = content.bytes.length;
  upload.mayBeFinished = true;
  upload.finishSentAtMs = Date.now();
  try {
    const answer = await changeBlob(
      model,
      model.blob(repository, content),
      { isThere: true, accepts: [201] },
      async () => {
        const answer = await client.send(request);
        expectStatus(request, answer, [201, 416]);
        return answer;
      },
    );
    if (answer.status === 201) {
      model.uploads.delete(upload);
      model.ledger.acknowledged('upload finished');
      return true;
    }
    upload.mayBeFinished = false;
    adopt(upload, answer);
    return false;
  } catch (error) {
    if (error instanceof ConnectionLost) upload.isOrdered = false;
    throw error;
  }
}

export async function cancelUpload({ client }: Turn, model: OciModel, upload: UploadFact): Promise<void> {
  const request = { method: 'DELETE', target: upload.location } as const;
  upload.mayBeCancelled = true;
  const answer = await client.send(request);
  expectStatus(request, answer, [204]);
  model.uploads.delete(upload);
  model.ledger.acknowledged('upload cancelled');
}

export function locationOf(answer: Answer, target: string): string {
  const { location } = answer.headers;
  if (location === undefined) throw new Violation(`the answer to ${target} names no location`);
  return location;
}

export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
}

/** Takes over the server's word of how far the session is, which must lie between what it promised and what was sent. */
function adopt(upload: UploadFact, { headers }: Answer): void {
  const end = /^0-(\d+)$/.exec(headers.range ?? '')?.[1];
  if (end === undefined)
    throw new Violation(`${upload.location} does not say how far it is: ${headers.range}`);
  // An empty session and one of a single byte look the same.
  const found = end === '0' && upload.sentBytes === 0 ? 0 : Number(end) + 1;
  const isEmpty = end === '0' && upload.acknowledgedBytes === 0;
  const bytes = isEmpty ? 0 : found;
  if (bytes < upload.acknowledgedBytes || bytes > upload.sentBytes) {
    throw new Violation(
      `${upload.location} has ${bytes} bytes; ${upload.acknowledgedBytes} were acknowledged and ${upload.sentBytes} sent`,
    );
  }
  upload.acknowledgedBytes = bytes;
  upload.location = headers.location ?? upload.location;
}
