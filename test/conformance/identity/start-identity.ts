import { type RunningApp, startApp } from '@zot-artifact-store/testkit';

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what comes over the wire is what is being tested
  readonly body: any;
  readonly headers: Headers;
}

export interface IdentityServer {
  readonly app: RunningApp;
  /** Sends JSON with root's password, or with another Authorization; '' sends none. */
  send(method: string, path: string, body?: unknown, authorization?: string): Promise<Answer>;
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

export async function startIdentityServer(
  config: Readonly<Record<string, unknown>> = {},
): Promise<IdentityServer> {
  const app = await startApp({ config: { http: { auth: { apikey: true } }, ...config } });
  return {
    app,
    async send(method, path, body, authorization = app.rootAuthorization) {
      const reply = await fetch(app.url + path, {
        method,
        headers: {
          ...(authorization === '' ? {} : { authorization }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await reply.text();
      return {
        status: reply.status,
        body: text === '' ? undefined : JSON.parse(text),
        headers: reply.headers,
      };
    },
  };
}
