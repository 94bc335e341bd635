import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCli } from '../packages/server/src/cli/run-cli.ts';
import type { Services } from '../packages/server/src/cli/services.ts';
import { withReference } from './configuration-reference.ts';
import {
  brokenLinks,
  missingTests,
  namedTests,
  readDocuments,
  type ShownCommand,
  shownCommands,
} from './documentation.ts';

const documents = readDocuments();
const textOf = (path: string) => documents.find((document) => document.path === path)?.text ?? '';

describe('the documents', () => {
  it('are those a newcomer needs', () => {
    const paths = documents.map(({ path }) => path);
    for (const path of [
      'README.md',
      'CONTRIBUTING.md',
      'CHANGELOG.md',
      'docs/getting-started.md',
      'docs/s3.md',
    ]) {
      expect(paths).toContain(path);
    }
  });

  it('link only to what is there', () => {
    expect(documents.flatMap(brokenLinks)).toEqual([]);
  });

  it('name only tests that exist', () => {
    expect(documents.flatMap(missingTests)).toEqual([]);
    expect(namedTests(textOf('docs/compatibility.md')).length).toBeGreaterThan(40);
  });

  it('show only commands, sub-commands and options that exist', async () => {
    const unknown: string[] = [];
    for (const command of documents.flatMap(shownCommands)) {
      const problem = command.words[0] === 'npm' ? npmProblem(command) : await zasProblem(command);
      if (problem !== undefined) unknown.push(`${command.path}: ${command.words.join(' ')}: ${problem}`);
    }
    expect(unknown).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  const text = textOf('docs/configuration.md');

  it('has every key of the schema; "npm run docs" writes them', () => {
    expect(withReference(text)).toBe(text);
  });

  it('has every option of serve and every variable that is read', async () => {
    const options = (await help(['serve'])).match(/--[a-z-]+/g) ?? [];
    for (const option of options) if (option !== '--help') expect(text).toContain(`\`${option}`);
    const sources = globSync('packages/server/src/**/*.ts', { exclude: (name) => name.endsWith('.test.ts') });
    const variables = sources.flatMap((path) => readFileSync(path, 'utf8').match(/\bZAS_[A-Z_]+/g) ?? []);
    expect(variables).toContain('ZAS_ROOT_PASSWORD_FILE');
    for (const variable of new Set(variables)) expect(text).toContain(`\`${variable}\``);
  });
});

const scripts = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  .scripts as Record<string, string>;

const NPM_COMMANDS: readonly (string | undefined)[] = [undefined, 'ci', 'exec', 'install'];

function npmProblem({ words }: ShownCommand): string | undefined {
  if (NPM_COMMANDS.includes(words[1])) return undefined;
  const name = words[1] === 'run' ? words.slice(2).find((word) => !word.startsWith('-')) : words[1];
  return name !== undefined && name in scripts ? undefined : `package.json has no script ${name}`;
}

/** Follows the words down the sub-commands, then looks for every option in the help of the last. */
async function zasProblem({ words }: ShownCommand): Promise<string | undefined> {
  const verbs: string[] = [];
  let text = await help([]);
  for (const word of words.slice(1)) {
    // Commands stand under headings of their own.
    const lists = text.matchAll(/^(?!Usage|Options|Arguments|Examples)[A-Z].*:\n((?: .*\n?)+)/gm);
    const known = [...lists].map(([, list]) => list).join('');
    if (known === '') break;
    // `config check|explain` shows several at once.
    const names = word.split('|');
    const missing = names.find((name) => !new RegExp(`^ {2}${name}(?: |$)`, 'm').test(known));
    if (word.startsWith('-') || word.startsWith('<')) break;
    if (missing !== undefined) return `there is no command ${missing}`;
    if (word === 'help') return undefined;
    verbs.push(names[0] ?? word);
    text = await help(verbs);
  }
  const missing = words.find((word) => /^--[a-z]/.test(word) && !text.includes(word.replace(/=.*/, '')));
  return missing === undefined ? undefined : `there is no option ${missing}`;
}

async function help(verbs: readonly string[]): Promise<string> {
  let printed = '';
  const say = (text: string): void => {
    printed += `${text}\n`;
  };
  const services = {} as Services; // help asks none of them
  const code = await runCli(
    [...verbs, '--help'],
    { env: {}, cwd: '/', cores: 1, print: say, complain: say, readInput: async () => '' },
    services,
  );
  expect([verbs, code]).toEqual([verbs, 0]);
  return printed;
}
