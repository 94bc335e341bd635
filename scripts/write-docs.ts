// "npm run docs": brings the generated parts of the documents up to date. With --check, only says whether they are.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withReference } from './configuration-reference.ts';

const path = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));
const text = readFileSync(path, 'utf8');
const wanted = withReference(text);
if (!process.argv.includes('--check')) writeFileSync(path, wanted);
else if (wanted !== text) {
  console.error('docs/configuration.md does not have the keys of the schema; run "npm run docs"');
  process.exitCode = 1;
}
