// "npm run docs": brings the generated parts of the documents up to date. With --check, only says whether the reference
// of the configuration is; that of the API, which needs a server, has a test.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withReference } from './configuration-reference.ts';

const path = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));
const text = readFileSync(path, 'utf8');
const wanted = withReference(text);
if (!process.argv.includes('--check')) {
  writeFileSync(path, wanted);
  const { API_DOCUMENT, apiReference } = await import('./api-reference.ts');
  writeFileSync(API_DOCUMENT, (await apiReference()).wanted);
} else if (wanted !== text) {
  console.error('docs/configuration.md does not have the keys of the schema; run "npm run docs"');
  process.exitCode = 1;
}
