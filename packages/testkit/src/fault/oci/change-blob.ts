import type { Answer } from '../client.ts';
import type { BlobFact, OciModel } from './oci-model.ts';

/**
 * Runs a request that makes a blob part of its repository, or takes it out, and enters its outcome. Any status that is
 * not in `accepts` means that nothing changed.
 */
export async function changeBlob(
  model: OciModel,
  blob: BlobFact,
  { isThere, accepts }: { readonly isThere: boolean; readonly accepts: readonly number[] },
  send: () => Promise<Answer>,
): Promise<Answer> {
  const startedAtMs = Date.now();
  const attempt = blob.isThere.attempt(isThere);
  if (!isThere) blob.wasDeleted = true;
  let answer: Answer;
  try {
    answer = await send();
  } catch (error) {
    attempt.lose();
    throw error;
  }
  if (!accepts.includes(answer.status)) {
    attempt.refuse();
    return answer;
  }
  attempt.acknowledge();
  if (isThere) blob.keptUntilMs = Math.max(blob.keptUntilMs, startedAtMs + model.graceMs);
  return answer;
}
