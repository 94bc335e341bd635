import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** RFC 8410: what stands before the 32 bytes of an Ed25519 key. */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX_LENGTH = 12;
const ED25519 = Buffer.from([1]);

export const SIGNING_PURPOSE = 'audit checkpoints';
/** The name that signs, in the sense of signed notes (C2SP). */
export const SIGNER = 'zot-artifact-store-audit';

/** The key that signs checkpoints. */
export interface SigningKey {
  readonly verifier: VerifierKey;
  sign(text: string): Buffer;
}

/** The public half. */
export interface VerifierKey {
  readonly name: string;
  /** The first 4 bytes of SHA-256(name, line break, 0x01, public key), as signed notes say it. */
  readonly id: Buffer;
  readonly publicKey: KeyObject;
  /** `<name>+<id in hex>+<base64 of 0x01 and the public key>`: what other verifiers of signed notes take. */
  readonly text: string;
}

/** The key that 32 secret bytes make. */
export function signingKey(seed: Uint8Array): SigningKey {
  const key = createPrivateKey({
    key: Buffer.concat([PRIVATE_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    verifier: verifierOf(SIGNER, spki.subarray(PUBLIC_PREFIX_LENGTH)),
    sign: (text) => sign(null, Buffer.from(text), key),
  };
}

/** A verifier key as `text` spells it; undefined when it is none. */
export function parseVerifierKey(text: string): VerifierKey | undefined {
  const [, name, id, encoded] =
    /^([^\s+]{1,100})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44}={0,2})$/.exec(text.trim()) ?? [];
  if (name === undefined || encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length !== 33 || bytes[0] !== ED25519[0]) return undefined;
  const key = verifierOf(name, bytes.subarray(1));
  return key.id.toString('hex') === id ? key : undefined;
}

function verifierOf(name: string, raw: Uint8Array): VerifierKey {
  const typed = Buffer.concat([ED25519, raw]);
  const id = createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4);
  const x = Buffer.from(raw).toString('base64url');
  return {
    name,
    id,
    publicKey: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
    text: `${name}+${id.toString('hex')}+${typed.toString('base64')}`,
  };
}
