import { type Digest, StoreError, type Tag } from '@zot-artifact-store/spec';
import type { ManifestCondition } from './registry.ts';

/** Throws `precondition-failed` unless what the reference names now (undefined: nothing) meets the condition. */
export function checkCondition(condition: ManifestCondition | undefined, current: Digest | undefined): void {
  const { ifMatch, ifNoneMatch } = condition ?? {};
  if (ifMatch !== undefined && !matches(ifMatch, current)) {
    throw failed(
      current === undefined ? 'the reference does not exist' : `the reference points to ${current}`,
      current,
    );
  }
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, current)) {
    throw failed(`the reference already points to ${current}`, current);
  }
}

export function tagTaken(tag: Tag, current: Digest): StoreError {
  return failed(`tag ${tag} points to ${current}`, current);
}

function matches(wanted: readonly string[] | 'any', current: Digest | undefined): boolean {
  if (current === undefined) return false;
  return wanted === 'any' || wanted.includes(current);
}

function failed(message: string, current: Digest | undefined): StoreError {
  return new StoreError('precondition-failed', message, {
    ...(current === undefined ? {} : { resource: current, detail: { current } }),
  });
}
