// Writes the tables of docs/configuration.md from the schema the server itself checks files with.
import { z } from 'zod';
import { BUILT_IN_SECTIONS } from '../packages/server/src/composition/built-in-sections.ts';
import { NOT_YET } from '../packages/server/src/config/fields.ts';
import { configFileSchema } from '../packages/server/src/config/schema.ts';

/** What of JSON Schema the reference reads. */
interface SchemaNode {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly [NOT_YET]?: boolean;
}

interface Key {
  readonly path: string;
  readonly node: SchemaNode;
}

const BEGIN = '<!-- From the schema, by "npm run docs": edit the schema, not this part. -->';
const END = '<!-- End of the part from the schema. -->';
/** How the keys of a free mapping are shown. */
const FREE_NAMES: Readonly<Record<string, string>> = {
  'http.accessControl.repositories': '"team-a/**"',
  'http.accessControl.groups': '<name>',
  'storage.subPaths': '"/a"',
  'http.auth.openid.providers': '<name>',
  extensions: '<name>',
  'extensions.s3.kmsKeys': '<key>',
  'extensions.rbac.users': '<name>',
  'extensions.rbac.groups': '<name>',
};

/** Mappings whose own description says what is in them. */
const TOLD_WHOLE: ReadonlySet<string> = new Set([
  'extensions.rbac.policies',
  'extensions.rbac.attachments',
  'extensions.rbac.repositoryPolicies',
]);

/** `document` with the part between the marks written anew. Throws when it has no such part. */
export function withReference(document: string): string {
  const [before, rest] = split(document, BEGIN);
  const [, after] = split(rest, END);
  return `${before}${BEGIN}\n\n${renderReference()}\n${END}${after}`;
}

function split(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`the document lacks the line ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

/** Every key of the configuration file: a table for each section, then what is accepted or refused without a use. */
export function renderReference(): string {
  const schema = configFileSchema(BUILT_IN_SECTIONS);
  // JSON Schema allows far more than zod writes.
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  const keys = [...walk(root, '')];
  const known = keys.filter(({ node }) => node[NOT_YET] !== true);
  const sections = Map.groupBy(known, ({ path }) => sectionOf(path));
  const idle = keys.filter(({ node }) => node[NOT_YET] === true);
  const accepted = idle.filter(({ node }) => node.description !== undefined);
  // Sub-paths refuse what storage refuses.
  const refused = idle.filter(
    ({ path, node }) => node.description === undefined && !path.startsWith('storage.subPaths'),
  );
  return [
    ...[...sections].map(([section, own]) => `### ${escapeCell(section)}\n\n${table(own)}`),
    `### Accepted without effect\n\n${list(accepted, ({ path, node }) => `\`${path}\`: ${node.description}`)}`,
    `### Refused: not available yet\n\n${REFUSED}\n\n${list(refused, ({ path }) => `\`${path}\``)}`,
  ].join('\n');
}

const REFUSED = `zot's file may hold these, and a file that switches one of them on is refused, with the key's name. Switched off
(\`enable: false\`, an empty section or list, zero) they are accepted. Keys of \`storage\` are refused in sub-paths too.`;

function list(keys: readonly Key[], line: (key: Key) => string): string {
  return keys.map((key) => `- ${line(key)}\n`).join('');
}

function* walk(node: SchemaNode, path: string): Generator<Key> {
  for (const [name, part] of Object.entries(node.properties ?? {})) {
    yield* visit(part, path === '' ? name : `${path}.${name}`);
  }
  const free = node.additionalProperties;
  if (typeof free !== 'object' || Object.keys(free).length === 0 || TOLD_WHOLE.has(path)) return;
  const name = FREE_NAMES[path];
  if (name === undefined) throw new Error(`say in FREE_NAMES how the keys below ${path} are shown`);
  yield* visit(free, name.startsWith('"') ? `${path}[${name}]` : `${path}.${name}`);
}

function* visit(node: SchemaNode, path: string): Generator<Key> {
  const isSection = node.properties !== undefined || typeof node.additionalProperties === 'object';
  if (!isSection || node.description !== undefined) yield { path, node };
  if (isSection) yield* walk(node, path);
  if (node.items?.properties !== undefined) yield* walk(node.items, `${path}[]`);
}

/** The first part of a key; of an extension's key the first two, and of one that stands alone none. */
function sectionOf(path: string): string {
  const [first = '', second] = path.split('.');
  if (second === undefined) return 'Top level';
  return first === 'extensions' ? `${first}.${second}` : first;
}

function table(keys: readonly Key[]): string {
  const rows = keys.map(
    ({ path, node }) => `| \`${path}\` | ${typeOf(node)} | ${escapeCell(node.description ?? '')} |`,
  );
  return `| Key | Value | What it does |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
}

function typeOf(node: SchemaNode): string {
  if (node.properties !== undefined || typeof node.additionalProperties === 'object') return 'section';
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (node.anyOf?.some(({ type }) => type === 'boolean')) return '`true`, `false`';
  if (node.type === 'array') {
    if (node.items?.properties !== undefined) return 'list of sections';
    return `list of ${node.items?.enum ? typeOf(node.items) : 'texts'}`;
  }
  if (Array.isArray(node.type)) return 'text or number';
  return node.type === 'string' ? 'text' : 'any';
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
