// What can be checked of the documents without reading them: links, commands, and the tests they name.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

export interface Document {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

/** A place in a document and what is wrong there. */
export interface Flaw {
  readonly path: string;
  readonly problem: string;
}

export function readDocuments(): Document[] {
  return globSync(['*.md', 'docs/**/*.md', 'examples/*/*.md', 'packages/**/*.md'], {
    cwd: ROOT,
    exclude: (name) => name === 'node_modules',
  })
    .filter((path) => !path.includes('node_modules'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

/** Links to files that are not there, and to headings those do not have. Links to other hosts are left alone. */
export function brokenLinks({ path, text }: Document): Flaw[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file = '', anchor] = target.split('#');
    const absolute = file === '' ? join(ROOT, path) : join(ROOT, dirname(path), file);
    if (relative(ROOT, absolute).startsWith('..') || !existsSync(absolute)) {
      return [{ path, problem: `links to ${target}, which is not there` }];
    }
    if (anchor === undefined || anchors(readFileSync(absolute, 'utf8')).includes(anchor)) return [];
    return [{ path, problem: `links to ${target}, which has no such heading` }];
  });
}

/** The tests a document names, written as a link to the test's file and the title in quotes behind it. */
export function missingTests({ path, text }: Document): Flaw[] {
  return namedTests(text).flatMap(({ file, title }) => {
    const absolute = join(ROOT, dirname(path), file);
    const source = existsSync(absolute) ? readFileSync(absolute, 'utf8') : '';
    const isThere = ["'", '`'].some((quote) => source.includes(`(${quote}${title}${quote}`));
    // Long titles stand on a line of their own.
    const isBelow = ["'", '`'].some((quote) => source.includes(`\n    ${quote}${title}${quote},\n`));
    return isThere || isBelow
      ? []
      : [{ path, problem: `names the test "${title}", which ${file} does not have` }];
  });
}

export function namedTests(text: string): { readonly file: string; readonly title: string }[] {
  return [...text.matchAll(/\]\(([^)\s]+\.test\.ts)\)((?:,? "[^"]+")+)/g)].flatMap(
    ([, file = '', titles = '']) =>
      [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ file, title })),
  );
}

export interface ShownCommand {
  readonly path: string;
  readonly words: readonly string[];
}

/** Every `npm ...`, `npx zas ...` and `zas ...` in code, as words. */
export function shownCommands({ path, text }: Document): ShownCommand[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, body = '']) => body.split('\n'));
  const inline = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return [...blocks, ...inline].flatMap((line) => {
    const command = line.replace(/^(?:[A-Z_]+=\S+ )*/, '').trim();
    return /^(?:npm|(?:npx )?zas)(?: |$)/.test(command)
      ? [{ path, words: command.replace(/^npx /, '').split(/\s+/) }]
      : [];
  });
}

/** GitHub's anchors of the headings. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`(?!\])/g, '');
}
