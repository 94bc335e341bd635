import type { LifecycleRule } from '../config-documents/lifecycle.ts';
import type { S3Deps } from '../deps.ts';
import type { Tags } from '../object/tags.ts';
import { storedLifecycle } from '../operations/bucket-lifecycle.ts';
import { httpTime } from '../reply.ts';
import type { StoredBucket } from '../store/buckets.ts';
import type { ObjectVersion } from '../store/records.ts';
import { isFiltered } from './matching.ts';

export interface CurrentObject {
  readonly bucket: StoredBucket;
  readonly key: string;
  readonly record: Pick<ObjectVersion, 'sizeBytes' | 'modifiedAtMs'>;
  readonly tags: Tags;
}

const NONE: Readonly<Record<string, string>> = {};
const SECOND_MS = 1000;

/** `x-amz-expiration` of a current version: when the first of the bucket's rules will have it, and which. */
export async function expirationHeader(
  { bucket, key, record, tags }: CurrentObject,
  { documents, options }: Pick<S3Deps, 'documents' | 'options'>,
): Promise<Readonly<Record<string, string>>> {
  if (bucket.record.documents.lifecycle === undefined) return NONE;
  const rules = (await documents.parsed(bucket, 'lifecycle', storedLifecycle)) ?? [];
  const dayMs = options.lifecycleDaySeconds * SECOND_MS;
  let first: { readonly atMs: number; readonly id: string } | undefined;
  for (const rule of rules) {
    if (!rule.enabled || !isFiltered(rule.filter, { key, sizeBytes: record.sizeBytes, tags })) continue;
    const atMs = dueAt(rule, record.modifiedAtMs, dayMs);
    if (atMs !== undefined && (first === undefined || atMs < first.atMs)) first = { atMs, id: rule.id };
  }
  if (first === undefined) return NONE;
  const date = httpTime(Math.ceil(first.atMs / SECOND_MS) * SECOND_MS);
  return { 'x-amz-expiration': `expiry-date="${date}", rule-id="${encodeURIComponent(first.id)}"` };
}

function dueAt({ expiration }: LifecycleRule, modifiedAtMs: number, dayMs: number): number | undefined {
  if (expiration?.date !== undefined) return Date.parse(expiration.date);
  return expiration?.days === undefined ? undefined : modifiedAtMs + expiration.days * dayMs;
}
