import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { Wire } from './wire.ts';

let app: RunningApp | undefined;
afterEach(async () => {
  await app?.close();
});

async function start(http: Readonly<Record<string, unknown>>): Promise<{ app: RunningApp; wire: Wire }> {
  app = await startApp({ config: { http } });
  return { app, wire: new Wire(app.url) };
}

const anonymous = (...actions: string[]) => ({
  accessControl: { repositories: { '**': { anonymousPolicy: actions } } },
});
const CHALLENGE = 'Basic realm="Zot Artifact Store"';

describe('GET /v2/', () => {
  it.each(['GET', 'HEAD'])(
    'tells whoever may read without a login how to log in for the rest, by %s',
    async (method) => {
      const { wire } = await start(anonymous('read'));
      const answer = await wire.send(method, '/v2/');
      expect(answer.status).toBe(200);
      // Clients that find no challenge here never send the credentials they have.
      expect(answer.headers['www-authenticate']).toBe(CHALLENGE);
    },
  );

  it('has no challenge for whoever is logged in', async () => {
    const { app, wire } = await start(anonymous('read'));
    const answer = await wire.get('/v2/', { authorization: app.rootAuthorization });
    expect(answer.status).toBe(200);
    expect(answer.headers['www-authenticate']).toBeUndefined();
  });

  it('has no challenge where everybody may do everything', async () => {
    const { wire } = await start({});
    const answer = await wire.get('/v2/');
    expect(answer.status).toBe(200);
    expect(answer.headers['www-authenticate']).toBeUndefined();
  });
});
