import { randomBytes, randomUUID } from 'node:crypto';
import {
  type Digest,
  digestAlgorithm,
  digestHex,
  StoreError,
  tryParseDigest,
} from '@zot-artifact-store/spec';
import type { ObjectName, StagedId } from './blob-driver.ts';

const GENERATION = /^[0-9a-f]{16}$/;
const OBJECT_NAME = /^(sha256|sha512)\/([0-9a-f]{2})\/([0-9a-f]{64,128})\.([0-9a-f]{16})$/;
const STAGED_ID = /^[A-Za-z0-9-]{1,64}$/;

/** 16 random hex digits: two uploads of one digest never share a name, so removing the older cannot hurt the newer. */
export function newGeneration(): string {
  return randomBytes(8).toString('hex');
}

/** `sha256/ab/<hex>.<generation>`, where `ab` are the first digits of the hex. Throws `argument-invalid`. */
export function objectName(digest: Digest, generation: string = newGeneration()): ObjectName {
  if (!GENERATION.test(generation)) throw notAName('generation', generation);
  const hex = digestHex(digest);
  return brandName(`${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}.${generation}`);
}

/** The object name `text` spells, with the digest and generation in it, or undefined. */
export function tryParseObjectName(
  text: string,
): { readonly name: ObjectName; readonly digest: Digest; readonly generation: string } | undefined {
  const [, algorithm, fan, hex = '', generation = ''] = OBJECT_NAME.exec(text) ?? [];
  const digest = tryParseDigest(`${algorithm}:${hex}`);
  if (digest === undefined || !hex.startsWith(fan ?? '?')) return undefined;
  return { name: brandName(text), digest, generation };
}

/** As `tryParseObjectName`; throws `argument-invalid`. Every driver calls it before it uses a name. */
export function parseObjectName(text: string): {
  readonly name: ObjectName;
  readonly digest: Digest;
  readonly generation: string;
} {
  const parsed = tryParseObjectName(text);
  if (parsed === undefined) throw notAName('object name', text);
  return parsed;
}

/** A staged id that was never used before. */
export function newStagedId(): StagedId {
  return brandStaged(randomUUID());
}

export function tryParseStagedId(text: string): StagedId | undefined {
  return STAGED_ID.test(text) ? brandStaged(text) : undefined;
}

/** Throws `argument-invalid`. */
export function parseStagedId(text: string): StagedId {
  const id = tryParseStagedId(text);
  if (id === undefined) throw notAName('staged id', text);
  return id;
}

function notAName(what: string, text: string): StoreError {
  return new StoreError('argument-invalid', `"${text.slice(0, 160)}" is not a valid ${what}`);
}

// The only places where checked strings get their brands.
function brandName(text: string): ObjectName {
  return text as ObjectName;
}

function brandStaged(text: string): StagedId {
  return text as StagedId;
}
