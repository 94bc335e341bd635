import { createHmac } from 'node:crypto';
import type { Service } from './credential-scope.ts';
import { HmacKey } from './hmac-key.ts';

/** What a key is derived for: `20130524`, `us-east-1`. */
export interface SigningScope {
  readonly date: string;
  readonly region: string;
  readonly service: Service;
}

const MAX_KEPT = 1_000;

interface Kept {
  readonly secretAccessKey: string;
  readonly key: HmacKey;
}

/**
 * The signing keys of Signature Version 4, which change once a day: the last ones used are kept. A key is only reused
 * for the secret it was derived from, so that a secret that was replaced has no afterlife.
 */
export class SigningKeys {
  readonly #kept = new Map<string, Kept>();

  keyFor(
    credential: { readonly accessKeyId: string; readonly secretAccessKey: string },
    scope: SigningScope,
  ): HmacKey {
    const { accessKeyId, secretAccessKey } = credential;
    const id = `${scope.date}/${scope.region}/${scope.service}/${accessKeyId}`;
    const kept = this.#kept.get(id);
    if (kept?.secretAccessKey === secretAccessKey) return kept.key;
    const key = new HmacKey(deriveSigningKey(secretAccessKey, scope));
    // Set anew to be the youngest in the map's order.
    this.#kept.delete(id);
    this.#kept.set(id, { secretAccessKey, key });
    if (this.#kept.size > MAX_KEPT) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    return key;
  }
}

/** "Calculating a signature" in the signature version 4 reference. */
export function deriveSigningKey(secretAccessKey: string, { date, region, service }: SigningScope): Buffer {
  const ofDate = hmac(`AWS4${secretAccessKey}`, date);
  const ofRegion = hmac(ofDate, region);
  const ofService = hmac(ofRegion, service);
  return hmac(ofService, 'aws4_request');
}

function hmac(key: string | Uint8Array, message: string): Buffer {
  return createHmac('sha256', key).update(message).digest();
}
