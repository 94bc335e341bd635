import { randomBytes } from 'node:crypto';
import { S3Error } from '../errors.ts';
import { assertTags, type Tags } from '../object/tags.ts';
import { child, childrenNamed, childText, malformed, parseXml, type XmlNode } from '../xml/parse.ts';
import type { XmlElement } from '../xml/write.ts';

export interface LifecycleFilter {
  readonly prefix: string;
  readonly tags: Tags;
  readonly largerThanBytes?: number;
  readonly smallerThanBytes?: number;
}

export interface LifecycleRule {
  readonly id: string;
  readonly enabled: boolean;
  readonly filter: LifecycleFilter;
  /** How the filter was written, to give it back as it was. */
  readonly form: 'prefix' | 'filter';
  readonly expiration?: {
    readonly days?: number;
    /** ISO 8601, at midnight. */
    readonly date?: string;
    readonly expiredObjectDeleteMarker?: boolean;
  };
  readonly noncurrentExpiration?: { readonly days: number; readonly newerVersions?: number };
  readonly abortUploadsAfterDays?: number;
}

const MAX_RULES = 1000;
const MAX_ID_LENGTH = 255;

/**
 * A `<LifecycleConfiguration>` document. Throws MalformedXML, InvalidArgument, and NotImplemented for transitions:
 * there is one storage class.
 */
export function parseLifecycle(bytes: Uint8Array): readonly LifecycleRule[] {
  const nodes = childrenNamed(parseXml(bytes, 'LifecycleConfiguration'), 'Rule');
  if (nodes.length === 0 || nodes.length > MAX_RULES)
    throw malformed(`there must be 1 to ${MAX_RULES} rules`);
  const rules = nodes.map(parseRule);
  const ids = new Set(rules.map(({ id }) => id));
  if (ids.size < rules.length)
    throw invalid('Rule ID must be unique. Found same ID for one than one rule', '');
  return rules;
}

function parseRule(node: XmlNode): LifecycleRule {
  const id = childText(node, 'ID') ?? '';
  if (id.length > MAX_ID_LENGTH) throw invalid('ID length should not exceed allowed limit of 255', id);
  const status = childText(node, 'Status')?.trim();
  if (status !== 'Enabled' && status !== 'Disabled') throw malformed('Status must be Enabled or Disabled');
  for (const name of ['Transition', 'NoncurrentVersionTransition']) {
    const transition = child(node, name);
    if (transition === undefined) continue;
    // What could not be anywhere is said before what cannot be here.
    const date = childText(transition, 'Date')?.trim();
    if (date !== undefined) midnight(date);
    throw new S3Error('NotImplemented', `${name} is not implemented: there is one storage class, STANDARD.`);
  }
  const filter = child(node, 'Filter');
  const prefix = childText(node, 'Prefix');
  if (filter !== undefined && prefix !== undefined)
    throw malformed('a Rule has a Filter or a Prefix, not both');
  if (filter === undefined && prefix === undefined) throw malformed('a Rule needs a Filter or a Prefix');
  const rule: LifecycleRule = {
    id: id === '' ? randomBytes(12).toString('hex') : id,
    enabled: status === 'Enabled',
    filter: filter === undefined ? { prefix: prefix ?? '', tags: [] } : parseFilter(filter),
    form: filter === undefined ? 'prefix' : 'filter',
    ...parseExpiration(child(node, 'Expiration')),
    ...parseNoncurrent(child(node, 'NoncurrentVersionExpiration')),
    ...parseAbort(child(node, 'AbortIncompleteMultipartUpload')),
  };
  const hasAction =
    rule.expiration !== undefined ||
    rule.noncurrentExpiration !== undefined ||
    rule.abortUploadsAfterDays !== undefined;
  if (!hasAction) throw malformed('at least one action needs to be specified in a rule');
  const narrows = rule.filter.tags.length > 0 || rule.filter.largerThanBytes !== undefined;
  if (narrows && rule.abortUploadsAfterDays !== undefined) {
    throw invalid('AbortIncompleteMultipartUpload cannot be specified with Tags or sizes', rule.id);
  }
  if (rule.filter.tags.length > 0 && rule.expiration?.expiredObjectDeleteMarker === true) {
    throw invalid('ExpiredObjectDeleteMarker cannot be specified with Tags', rule.id);
  }
  return rule;
}

/**
 * Amazon wants several conditions in an And; Ceph takes them beside each other, and beside an And, too. All of them
 * must hold then, so that a rule never reaches more than either reading of it.
 */
function parseFilter(node: XmlNode): LifecycleFilter {
  const and = child(node, 'And');
  const both = and === undefined ? [node] : [node, and];
  const tags = both
    .flatMap((from) => childrenNamed(from, 'Tag'))
    .map((tag) => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? ''] as const);
  assertTags(tags, 10);
  const sizes = (name: string, least: number): readonly number[] =>
    both.map((from) => wholeNumber(from, name, least)).filter((bytes) => bytes !== undefined);
  const larger = sizes('ObjectSizeGreaterThan', 0);
  const smaller = sizes('ObjectSizeLessThan', 1);
  const largerThanBytes = larger.length > 0 ? Math.max(...larger) : undefined;
  const smallerThanBytes = smaller.length > 0 ? Math.min(...smaller) : undefined;
  if (
    largerThanBytes !== undefined &&
    smallerThanBytes !== undefined &&
    largerThanBytes >= smallerThanBytes
  ) {
    throw invalid(
      "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'",
      String(smallerThanBytes),
    );
  }
  return {
    prefix: parsePrefixes(both),
    tags,
    ...(largerThanBytes !== undefined && { largerThanBytes }),
    ...(smallerThanBytes !== undefined && { smallerThanBytes }),
  };
}

/** The prefix of what begins with all of them. */
function parsePrefixes(nodes: readonly XmlNode[]): string {
  const [first = '', second = ''] = nodes.map((node) => childText(node, 'Prefix') ?? '');
  if (first.startsWith(second)) return first;
  if (second.startsWith(first)) return second;
  throw malformed('no key begins with both Prefixes of the Filter');
}

function parseExpiration(node: XmlNode | undefined): Pick<LifecycleRule, 'expiration'> {
  if (node === undefined) return {};
  const days = wholeNumber(node, 'Days', 1);
  const date = childText(node, 'Date')?.trim();
  const marker = childText(node, 'ExpiredObjectDeleteMarker')?.trim();
  const given = [days, date, marker].filter((each) => each !== undefined);
  if (given.length !== 1)
    throw malformed('an Expiration has one of Days, Date and ExpiredObjectDeleteMarker');
  if (date !== undefined) return { expiration: { date: midnight(date) } };
  if (days !== undefined) return { expiration: { days } };
  return { expiration: { expiredObjectDeleteMarker: marker?.toLowerCase() === 'true' } };
}

function midnight(text: string): string {
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw malformed(`"${text.slice(0, 60)}" is not a date in ISO 8601`);
  if (ms % 86_400_000 !== 0) throw invalid("'Date' must be at midnight GMT", text);
  return new Date(ms).toISOString();
}

function parseNoncurrent(node: XmlNode | undefined): Pick<LifecycleRule, 'noncurrentExpiration'> {
  if (node === undefined) return {};
  const days = wholeNumber(node, 'NoncurrentDays', 1);
  const newerVersions = wholeNumber(node, 'NewerNoncurrentVersions', 1);
  if (days === undefined) throw malformed('NoncurrentVersionExpiration needs NoncurrentDays');
  return { noncurrentExpiration: { days, ...(newerVersions !== undefined && { newerVersions }) } };
}

function parseAbort(node: XmlNode | undefined): Pick<LifecycleRule, 'abortUploadsAfterDays'> {
  if (node === undefined) return {};
  const days = wholeNumber(node, 'DaysAfterInitiation', 1);
  if (days === undefined) throw malformed('AbortIncompleteMultipartUpload needs DaysAfterInitiation');
  return { abortUploadsAfterDays: days };
}

function wholeNumber(node: XmlNode, name: string, least: number): number | undefined {
  const text = childText(node, name)?.trim();
  if (text === undefined) return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw malformed(`${name} is not a number`);
  if (Number(text) >= least) return Number(text);
  throw invalid(`'${name}' for an action must be at least ${least}`, text);
}

function invalid(message: string, value: string): S3Error {
  return new S3Error('InvalidArgument', message, { fields: { ArgumentValue: value.slice(0, 300) } });
}

export function lifecycleElement(rules: readonly LifecycleRule[]): XmlElement {
  return { Rule: rules.map(ruleElement) };
}

function ruleElement(rule: LifecycleRule): XmlElement {
  const { expiration, noncurrentExpiration, abortUploadsAfterDays } = rule;
  return {
    ID: rule.id,
    ...(rule.form === 'prefix' ? { Prefix: rule.filter.prefix } : { Filter: filterElement(rule.filter) }),
    Status: rule.enabled ? 'Enabled' : 'Disabled',
    ...(expiration && {
      Expiration: {
        Days: expiration.days,
        Date: expiration.date,
        ExpiredObjectDeleteMarker: expiration.expiredObjectDeleteMarker,
      },
    }),
    ...(noncurrentExpiration && {
      NoncurrentVersionExpiration: {
        NoncurrentDays: noncurrentExpiration.days,
        NewerNoncurrentVersions: noncurrentExpiration.newerVersions,
      },
    }),
    ...(abortUploadsAfterDays !== undefined && {
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortUploadsAfterDays },
    }),
  };
}

function filterElement({ prefix, tags, largerThanBytes, smallerThanBytes }: LifecycleFilter): XmlElement {
  const Tag = tags.map(([Key, Value]) => ({ Key, Value }));
  const sizes = { ObjectSizeGreaterThan: largerThanBytes, ObjectSizeLessThan: smallerThanBytes };
  const count =
    (prefix === '' ? 0 : 1) +
    tags.length +
    (largerThanBytes === undefined ? 0 : 1) +
    (smallerThanBytes === undefined ? 0 : 1);
  if (count > 1) return { And: { ...(prefix === '' ? {} : { Prefix: prefix }), Tag, ...sizes } };
  return count === 1 && prefix === '' ? { Tag, ...sizes } : { Prefix: prefix };
}
