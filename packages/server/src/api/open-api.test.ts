import { Validator } from '@seriousme/openapi-schema-validator';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineRoute } from '../extension/api-route.ts';
import { describeApi } from './open-api.ts';

let server: RunningApp;
let document: Awaited<ReturnType<typeof read>>;
beforeAll(async () => {
  server = await startApp({ config: { extensions: { s3: {} } } });
  document = await read();
});
afterAll(() => server.close());

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Record<string, { readonly schema: object }> }>
  >;
}

async function read() {
  const response = await fetch(`${server.url}/-/api/v1/openapi.json`);
  expect(response.status).toBe(200);
  return (await response.json()) as {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    readonly components: object;
  };
}

describe('The description of the API', () => {
  it('is a valid OpenAPI 3.1 document', async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));
    expect(result).toMatchObject({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has every route of every extension, and itself', () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { operationId }]) => `${operationId} ${method} ${path}`),
    );
    const served = server.app.extensions.api.map(
      ({ name, method, path }) => `${name} ${method.toLowerCase()} ${path}`,
    );
    expect(served).toContain('WhoAmI get /whoami');
    expect(described.sort()).toEqual([...served, 'GetOpenApi get /openapi.json'].sort());
  });

  it('says what is answered, and what when it is refused', async () => {
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema({ $id: 'urn:zas:api', ...document });
    const check = async (pointer: string, response: Response): Promise<void> => {
      const validate = ajv.getSchema(`urn:zas:api#${pointer}`);
      expect(validate?.(await response.json()), JSON.stringify(validate?.errors)).toBe(true);
    };
    const answer = (status: string) =>
      `/paths/~1whoami/get/responses/${status}/content/application~1json/schema`;
    const url = `${server.url}/-/api/v1/whoami`;
    await check(answer('200'), await fetch(url));
    await check(answer('200'), await fetch(url, { headers: { authorization: server.rootAuthorization } }));
    await check(answer('default'), await fetch(url, { headers: { authorization: 'Basic cm9vdDp4' } }));
  });

  it('keeps definitions of routes where their references find them', () => {
    const leaf = z.strictObject({ name: z.string() }).meta({ id: 'Leaf' });
    interface Tree {
      readonly children: readonly Tree[];
    }
    const tree: z.ZodType<Tree> = z.strictObject({ children: z.array(z.lazy(() => tree)) });
    const route = defineRoute({
      name: 'GetTree',
      method: 'GET',
      path: '/trees/{id}',
      summary: 'A tree.',
      access: ({ id }) => [{ action: 'admin:GetTree', resource: `admin:tree/${id}` }],
      query: z.strictObject({ depth: z.coerce.number().default(3) }),
      status: 200,
      result: z.strictObject({ leaf, tree }),
      run: async () => ({ leaf: { name: 'a' }, tree: { children: [] } }),
    });
    const described = describeApi([route], '1');
    const text = JSON.stringify(described);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
    const { schemas } = described.components as { readonly schemas: Record<string, unknown> };
    expect(references).toContain('Leaf');
    expect(Object.keys(schemas)).toEqual(expect.arrayContaining(references));
    expect(text).toContain('"x-permissions":[{"action":"admin:GetTree","resource":"admin:tree/{id}"}]');
    expect(text).not.toContain('$defs');
  });
});
