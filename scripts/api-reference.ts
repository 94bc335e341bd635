// The table of routes in docs/api.md, from the routes of a server that has everything switched on.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startApp } from '@zot-artifact-store/testkit/in-process-app.ts';

export const API_DOCUMENT = fileURLToPath(new URL('../docs/api.md', import.meta.url));

const BEGIN = '<!-- routes: written by "npm run docs" -->\n';
const END = '<!-- end of routes -->';

interface Operation {
  readonly summary: string;
  readonly security?: unknown;
  readonly 'x-permissions'?: readonly { readonly action: string }[];
}

/** The document as it is, and as it should be. */
export async function apiReference(): Promise<{ readonly is: string; readonly wanted: string }> {
  const is = readFileSync(API_DOCUMENT, 'utf8');
  const [before, rest] = is.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error('docs/api.md has no place for the routes');
  return { is, wanted: `${before}${BEGIN}\n${await table()}\n${END}${after}` };
}

async function table(): Promise<string> {
  const server = await startApp({ config: { log: { level: 'error' } } });
  try {
    const response = await fetch(`${server.url}/-/api/v1/openapi.json`);
    const { paths } = (await response.json()) as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    }; // what the API's own test checks
    const rows = Object.entries(paths)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([path, operations]) =>
        Object.entries(operations).map(
          ([method, operation]) =>
            `| \`${method.toUpperCase()} ${path}\` | ${needs(operation)} | ${operation.summary.replaceAll('|', '\\|')} |`,
        ),
      );
    return ['| Route | Needs | What it does |', '| --- | --- | --- |', ...rows, ''].join('\n');
  } finally {
    await server.close();
  }
}

function needs(operation: Operation): string {
  const actions = operation['x-permissions']?.map(({ action }) => `\`${action}\``) ?? [];
  if (actions.length > 0) return actions.join(', ');
  return operation.security === undefined ? 'a login' : 'nothing';
}
