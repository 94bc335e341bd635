import { StoreError } from '@zot-artifact-store/server';

export interface Push {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly bytes: Uint8Array;
}

/**
 * The veto: throws `denied` when a manifest is to be tagged and does not carry the annotation. What is pushed by digest
 * alone (the platforms of an index, signatures) is let through: its tag, or its subject, comes separately.
 */
export async function requireAnnotation(push: Push, annotation: string): Promise<void> {
  if (push.tags.length === 0 || readAnnotation(push.bytes, annotation)) return;
  throw new StoreError(
    'denied',
    `manifests need the annotation ${annotation}, which says where they come from`,
    {
      resource: push.repository,
    },
  );
}

function readAnnotation(bytes: Uint8Array, annotation: string): boolean {
  // The server has checked that it is JSON; what the annotations are is the client's word.
  const { annotations } = JSON.parse(Buffer.from(bytes).toString()) as { annotations?: unknown };
  if (typeof annotations !== 'object' || annotations === null) return false;
  const value: unknown = Reflect.get(annotations, annotation);
  return typeof value === 'string' && value !== '';
}
