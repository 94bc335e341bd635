import { isStoreError, StoreError } from '@zot-artifact-store/spec';
import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { S3Deps } from './deps.ts';
import { toS3Error } from './errors.ts';
import { renderS3Error } from './render-error.ts';

/** When the client is told that the server is at it, and how often again. Clients wait a minute for a byte. */
export interface Patience {
  readonly firstMs: number;
  readonly everyMs: number;
}

const PATIENCE: Patience = { firstMs: 5_000, everyMs: 10_000 };
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/**
 * Runs work that may take minutes and answers with a document. While it takes longer than clients wait, the answer
 * begins: 200, the beginning of the document, and spaces now and then. What fails after that is an error document
 * inside the 200, as at Amazon ("CopyObject", "UploadPartCopy"); before that it is thrown.
 */
export async function replyInTime(
  work: () => Promise<Reply>,
  { head, log }: Pick<RequestContext, 'head'> & Pick<S3Deps, 'log'>,
  { firstMs, everyMs }: Patience = PATIENCE,
): Promise<Reply> {
  const working = work();
  const reply = await within(working, firstMs);
  if (reply !== undefined) return reply;

  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    yield Buffer.from(DECLARATION);
    try {
      for (;;) {
        const late = await within(working, everyMs);
        if (late !== undefined) {
          yield withoutDeclaration(late);
          return;
        }
        yield Buffer.from(' ');
      }
    } catch (error) {
      log.warn({ id: head.id, err: error }, 'a request failed after its answer had begun');
      const shown = isStoreError(error) ? error : new StoreError('internal', 'the server failed');
      yield withoutDeclaration(renderS3Error(toS3Error(shown), head));
    }
  }
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: { stream: body() } };
}

/** What `work` gives, or undefined when it takes longer. Throws what it throws. */
async function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  const isOver = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => isOver.resolve(undefined), ms);
  try {
    return await Promise.race([work, isOver.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function withoutDeclaration({ body }: Reply): Uint8Array {
  if (typeof body !== 'string' || !body.startsWith(DECLARATION)) {
    throw new Error('a late reply is not a document');
  }
  return Buffer.from(body.slice(DECLARATION.length));
}
