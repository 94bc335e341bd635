import { StoreError } from './store-error.ts';

/** The registered algorithms we store, with the length of their lower-case hex encoding. */
export const DIGEST_HEX_LENGTH = { sha256: 64, sha512: 128 } as const;

export type DigestAlgorithm = keyof typeof DIGEST_HEX_LENGTH;

/** A valid `algorithm:hex` string (image-spec descriptor.md, "Digests"); only `parseDigest` and `makeDigest` make one. */
export type Digest = string & { readonly __digest: unique symbol };

export function isDigestAlgorithm(name: string): name is DigestAlgorithm {
  return Object.hasOwn(DIGEST_HEX_LENGTH, name);
}

/** Whether a reference is meant as a digest rather than a tag: tags cannot hold a colon. */
export function looksLikeDigest(reference: string): boolean {
  return reference.includes(':');
}

/** The digest `text` spells, or undefined. Linear in the length of `text`. */
export function tryParseDigest(text: string): Digest | undefined {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, Math.max(colon, 0));
  if (colon < 0 || !isDigestAlgorithm(algorithm)) return undefined;
  if (text.length - colon - 1 !== DIGEST_HEX_LENGTH[algorithm] || !isLowerHex(text, colon + 1))
    return undefined;
  return brand(text);
}

/** Throws `digest-invalid` when `text` is not a digest of an algorithm we store. */
export function parseDigest(text: string): Digest {
  const digest = tryParseDigest(text);
  if (digest === undefined) {
    throw new StoreError(
      'digest-invalid',
      `"${text.slice(0, 160)}" is not a digest; expected sha256:<64 lower-case hex digits> or sha512:<128>`,
      { resource: text.slice(0, 160) },
    );
  }
  return digest;
}

export function makeDigest(algorithm: DigestAlgorithm, hex: string): Digest {
  return parseDigest(`${algorithm}:${hex}`);
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hex part of the digest. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

function isLowerHex(text: string, from: number): boolean {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const digit = code >= 48 && code <= 57;
    const letter = code >= 97 && code <= 102;
    if (!digit && !letter) return false;
  }
  return true;
}

// The one place where a checked string becomes a Digest.
function brand(text: string): Digest {
  return text as Digest;
}
