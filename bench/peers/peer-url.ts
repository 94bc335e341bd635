import type { Contender } from './contender.ts';

/** A registry that runs already. What is pushed into it stays there. */
export function peerUrl(text: string): Contender {
  const url = new URL(text);
  if (url.protocol !== 'http:') throw new Error(`--peer-url takes a http:// URL, not ${text}`);
  const port = url.port === '' ? '80' : url.port;
  return {
    name: 'peer',
    description: `the registry at ${url.origin}`,
    async start() {
      const response = await fetch(`${url.origin}/v2/`).catch(() => undefined);
      if (response?.ok !== true) {
        throw new Error(`there is no registry open to everyone at ${url.origin} (GET /v2/)`);
      }
      return { url: `http://${url.hostname}:${port}`, pid: undefined, stop: async () => {} };
    },
  };
}
