import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config/config.ts';
import { checkExtensions } from './check-extensions.ts';

const EXAMPLE = fileURLToPath(
  new URL('../../../../examples/push-gate-extension/src/extension.ts', import.meta.url),
);

function check(extensions: Config['extensions']): Promise<readonly string[]> {
  // What is looked at of a configuration.
  const config: Partial<Config> = {
    extensions,
    baseDirectory: '/nowhere',
    sections: { rbac: {} },
    access: {
      realm: '',
      rootUser: 'root',
      rootPasswordPath: '',
      failDelayMs: 0,
      zotApiKeys: false,
      bearerOidc: [],
      openid: [],
      listenOrigin: 'http://127.0.0.1:8080',
      callbackOrigins: [],
      secureCookies: false,
      unrestricted: [],
    },
  };
  return checkExtensions(config as Config);
}

describe('checkExtensions', () => {
  it('finds nothing in sections that their extensions take', async () => {
    const options = { journal: '/nowhere/journal' };
    expect(await check([{ name: 'push-gate', module: EXAMPLE, options }])).toEqual([]);
  });

  it('names the keys an extension does not take, and those it misses', async () => {
    const problems = await check([{ name: 'push-gate', module: EXAMPLE, options: { colour: 'red' } }]);
    expect(problems.join('\n')).toContain('extensions.push-gate.journal');
    expect(problems.join('\n')).toContain('colour');
  });

  it('names what cannot be loaded', async () => {
    expect(await check([{ name: 'gone', module: './gone.ts', options: {} }])).toEqual([
      expect.stringContaining('extensions.gone.module'),
    ]);
  });
});
