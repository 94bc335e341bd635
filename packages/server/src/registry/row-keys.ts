import {
  type Digest,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
  type Tag,
} from '@zot-artifact-store/spec';
import { decodeKey, type KeyPart } from '../metadata/keys.ts';
import type { Key } from '../metadata/metadata-store.ts';

/**
 * What the registry's keys say, read back by position. A part of another type than expected means that the key is not
 * of the table it was read from: a bug, not bad input.
 */
export function decodeRepository(key: Key, position = 0): RepositoryName {
  return parseRepositoryName(text(decodeKey(key)[position]));
}

export function decodeRepositoryAndDigest(key: Key): { repository: RepositoryName; digest: Digest } {
  const [repository, blob] = decodeKey(key);
  return { repository: parseRepositoryName(text(repository)), digest: digest(blob) };
}

/** Of a row with two digests: what is named (or the subject), and the manifest that names it. */
export function decodePair(key: Key): { repository: RepositoryName; target: Digest; manifest: Digest } {
  const [repository, target, manifest] = decodeKey(key);
  return {
    repository: parseRepositoryName(text(repository)),
    target: digest(target),
    manifest: digest(manifest),
  };
}

export function decodeTag(key: Key): { repository: RepositoryName; tag: Tag } {
  const [repository, tag] = decodeKey(key);
  return { repository: parseRepositoryName(text(repository)), tag: parseTag(text(tag)) };
}

/** The tag of a row below `prefix`, which is the key of all tags of its repository. Tags are ASCII. */
export function decodeTagBelow(prefix: Key, key: Key): Tag {
  // What was stored was parsed; the text stands between its type byte and its end.
  const text = Buffer.from(key.buffer, key.byteOffset, key.length);
  return text.toString('latin1', prefix.length + 1, key.length - 1) as Tag;
}

export function decodeTagOf(key: Key): { repository: RepositoryName; digest: Digest; tag: Tag } {
  const [repository, blob, tag] = decodeKey(key);
  return {
    repository: parseRepositoryName(text(repository)),
    digest: digest(blob),
    tag: parseTag(text(tag)),
  };
}

export function decodeMemberDue(key: Key): { dueAtMs: number; repository: RepositoryName; digest: Digest } {
  const [dueAtMs, repository, blob] = decodeKey(key);
  return {
    dueAtMs: integer(dueAtMs),
    repository: parseRepositoryName(text(repository)),
    digest: digest(blob),
  };
}

export function decodeUploadDue(key: Key): { dueAtMs: number; repository: RepositoryName; id: string } {
  const [dueAtMs, repository, id] = decodeKey(key);
  return { dueAtMs: integer(dueAtMs), repository: parseRepositoryName(text(repository)), id: text(id) };
}

/** The repository that an edge of owner `['repository', name]` stands for: [volume, blob, 'repository', name]. */
export function decodeRepositoryEdge(key: Key): RepositoryName {
  return decodeRepository(key, 3);
}

function text(part: KeyPart | undefined): string {
  if (typeof part !== 'string') throw new Error('not a key of this table: a text is missing');
  return part;
}

function integer(part: KeyPart | undefined): number {
  if (typeof part !== 'number') throw new Error('not a key of this table: a number is missing');
  return part;
}

function digest(part: KeyPart | undefined): Digest {
  if (typeof part !== 'object') throw new Error('not a key of this table: a digest is missing');
  return part.digest;
}
