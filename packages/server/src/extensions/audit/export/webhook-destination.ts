import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Destination } from './destination.ts';

export interface WebhookOptions {
  readonly url: string;
  /** Files that are read at each delivery, so that what is in them can change. */
  readonly tokenFile?: string | undefined;
  readonly secretFile?: string | undefined;
}

const ANSWER_WITHIN_MS = 10_000;

/**
 * POSTs `{"records": [...]}`; any 2xx means that they arrived. With a secret, `x-zas-signature` is `sha256=` and the
 * HMAC-SHA-256 of the body in hex. Nothing is sent to where a redirect points.
 */
export function webhookDestination({ url, tokenFile, secretFile }: WebhookOptions): Destination {
  return {
    async deliver(records, signal) {
      const body = `{"records":[${records.map(({ text }) => text).join(',')}]}`;
      const token = await secretIn(tokenFile);
      const secret = await secretIn(secretFile);
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
        headers: {
          'content-type': 'application/json',
          'user-agent': 'zot-artifact-store',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(secret !== undefined && {
            'x-zas-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
          }),
        },
        body,
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
    },
    close: async () => {},
  };
}

async function secretIn(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : (await readFile(path, 'utf8')).trim();
}
