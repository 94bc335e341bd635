import { verify } from 'node:crypto';
import type { Head } from './chain.ts';
import type { SigningKey, VerifierKey } from './signing-key.ts';

const ORIGIN = 'zot-artifact-store/audit/';
const NOTE =
  /^zot-artifact-store\/audit\/([^\n]+)\n(\d{1,16})\n([A-Za-z0-9+/]{43}=)\n\n— ([^\s]+) ([A-Za-z0-9+/]+={0,2})\n$/;

export interface Checkpoint {
  readonly stream: string;
  readonly head: Head;
  readonly signer: string;
  readonly keyId: Buffer;
  readonly signature: Buffer;
  readonly text: string;
}

/**
 * A signed note (C2SP) of how far a stream has come: its name, the number of its records and their hash, a line each,
 * then the signature.
 */
export function signCheckpoint(stream: string, head: Head, key: SigningKey): string {
  const text = `${ORIGIN}${stream}\n${head.seq}\n${head.hash.toString('base64')}\n`;
  const signature = Buffer.concat([key.verifier.id, key.sign(text)]).toString('base64');
  return `${text}\n— ${key.verifier.name} ${signature}\n`;
}

/** What a signed note says; undefined when it is none of a checkpoint. Its signature is checked by `isSignedBy`. */
export function readCheckpoint(note: string): Checkpoint | undefined {
  const [, stream, seq, hash, signer, encoded] = NOTE.exec(note) ?? [];
  if (stream === undefined || hash === undefined || signer === undefined || encoded === undefined)
    return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  return {
    stream,
    head: { seq: Number(seq), hash: Buffer.from(hash, 'base64') },
    signer,
    keyId: bytes.subarray(0, 4),
    signature: bytes.subarray(4),
    text: note.slice(0, note.indexOf('\n\n') + 1),
  };
}

/** Whether one of the keys made the signature. */
export function isSignedBy(checkpoint: Checkpoint, keys: readonly VerifierKey[]): boolean {
  return keys.some(
    ({ name, id, publicKey }) =>
      name === checkpoint.signer &&
      id.equals(checkpoint.keyId) &&
      verify(null, Buffer.from(checkpoint.text), publicKey, checkpoint.signature),
  );
}
