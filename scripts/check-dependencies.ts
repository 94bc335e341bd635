// The architecture test: every import of packages/*/src and examples/*/src against the dependency rule.
import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkFile } from './dependency-rule.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const files = globSync(['packages/*/src/**/*.ts', 'examples/*/src/**/*.ts'], { cwd: root })
  .map((file) => file.replaceAll('\\', '/'))
  .sort();
const violations = files.flatMap((file) => checkFile(file, readFileSync(`${root}/${file}`, 'utf8')));

for (const { file, line, specifier, rule } of violations) {
  console.error(`${file}:${line} imports '${specifier}', but ${rule}`);
}
if (violations.length > 0) {
  console.error(`dependency rule: ${violations.length} of the imports in ${files.length} files break it`);
  process.exitCode = 1;
} else {
  console.log(`dependency rule: ${files.length} files keep it`);
}
