import type { LifecycleFilter } from '../config-documents/lifecycle.ts';
import type { Tags } from '../object/tags.ts';

/** Whether the key and, for objects, size and tags are what a rule is about. */
export function isFiltered(
  { prefix, tags, largerThanBytes, smallerThanBytes }: LifecycleFilter,
  subject: { readonly key: string; readonly sizeBytes?: number; readonly tags?: Tags },
): boolean {
  if (!subject.key.startsWith(prefix)) return false;
  const { sizeBytes = 0 } = subject;
  if (largerThanBytes !== undefined && sizeBytes <= largerThanBytes) return false;
  if (smallerThanBytes !== undefined && sizeBytes >= smallerThanBytes) return false;
  const has = subject.tags ?? [];
  return tags.every(([name, value]) => has.some(([other, its]) => other === name && its === value));
}

/** The part of the bucket that every one of the filters lies in. */
export function commonPrefix(filters: readonly LifecycleFilter[]): string {
  let [common = '', ...rest] = filters.map(({ prefix }) => prefix);
  for (const prefix of rest) {
    while (!prefix.startsWith(common)) common = common.slice(0, -1);
  }
  return common;
}
