import type { S3Access } from '../load/s3-access.ts';
import type { Contender } from './contender.ts';

/** A server that runs already. What is put into it stays there. */
export function peerUrl(text: string, access?: S3Access): Contender {
  const url = new URL(text);
  if (url.protocol !== 'http:') throw new Error(`--peer-url takes a http:// URL, not ${text}`);
  const port = url.port === '' ? '80' : url.port;
  return {
    name: 'peer',
    description: `the server at ${url.origin}`,
    async start() {
      const running = { url: `http://${url.hostname}:${port}`, pid: undefined, stop: async () => {} };
      // An S3 server tells with the first answer whether it takes the key.
      if (access !== undefined) return { ...running, access };
      const response = await fetch(`${url.origin}/v2/`).catch(() => undefined);
      if (response?.ok !== true) {
        throw new Error(`there is no registry open to everyone at ${url.origin} (GET /v2/)`);
      }
      return running;
    },
  };
}
