// "npm run docs": brings the generated parts of the documents up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withReference } from './configuration-reference.ts';

const path = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));
writeFileSync(path, withReference(readFileSync(path, 'utf8')));
