import { S3Error } from '../errors.ts';
import { childrenNamed, childText, malformed, parseXml, type XmlNode } from '../xml/parse.ts';
import type { XmlElement } from '../xml/write.ts';

export interface CorsRule {
  readonly id?: string;
  /** Each with one `*` at most. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  /** As they were written, each with one `*` at most. */
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly maxAgeSeconds?: number;
}

const MAX_RULES = 100;
/** A name (RFC 9110 5.1), of which a `*` may stand for a part. */
const HEADER_PATTERN = /^[!#$%&'+.^_`|~0-9a-z-]*\*?[!#$%&'+.^_`|~0-9a-z-]*$/i;
export const CORS_METHODS: ReadonlySet<string> = new Set(['GET', 'PUT', 'HEAD', 'POST', 'DELETE']);

/** A `<CORSConfiguration>` document. Throws MalformedXML, and InvalidRequest for what no request could be. */
export function parseCors(bytes: Uint8Array): readonly CorsRule[] {
  const nodes = childrenNamed(parseXml(bytes, 'CORSConfiguration'), 'CORSRule');
  if (nodes.length === 0 || nodes.length > MAX_RULES)
    throw malformed(`there must be 1 to ${MAX_RULES} rules`);
  return nodes.map(parseRule);
}

function parseRule(node: XmlNode): CorsRule {
  const origins = texts(node, 'AllowedOrigin');
  const methods = texts(node, 'AllowedMethod');
  const headers = texts(node, 'AllowedHeader');
  if (origins.length === 0 || methods.length === 0) {
    throw malformed('a CORSRule needs an AllowedOrigin and an AllowedMethod');
  }
  const unknown = methods.find((method) => !CORS_METHODS.has(method));
  if (unknown !== undefined)
    throw invalid(
      `Found unsupported HTTP method in CORS config. Unsupported method is ${unknown.slice(0, 40)}`,
    );
  const bomb = origins.find((text) => text.split('*').length > 2);
  if (bomb !== undefined)
    throw invalid(`AllowedOrigin "${bomb.slice(0, 120)}" can not have more than one wildcard.`);
  const bad = headers.find((text) => !HEADER_PATTERN.test(text));
  if (bad !== undefined)
    throw invalid(`AllowedHeader "${bad.slice(0, 120)}" must be a header with one wildcard at most.`);
  const exposed = texts(node, 'ExposeHeader');
  const hidden = exposed.find((text) => text.includes('*') || !HEADER_PATTERN.test(text));
  if (hidden !== undefined)
    throw invalid(`ExposeHeader "${hidden.slice(0, 120)}" must be the name of a header.`);
  const id = childText(node, 'ID');
  const maxAge = childText(node, 'MaxAgeSeconds')?.trim();
  if (maxAge !== undefined && !/^-?\d{1,9}$/.test(maxAge)) throw malformed('MaxAgeSeconds is not a number');
  return {
    ...(id === undefined ? {} : { id }),
    origins,
    methods,
    headers,
    exposed,
    ...(maxAge === undefined ? {} : { maxAgeSeconds: Number(maxAge) }),
  };
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidRequest', message);
}

function texts(node: XmlNode, name: string): readonly string[] {
  return childrenNamed(node, name).map(({ text }) => text.trim());
}

export function corsElement(rules: readonly CorsRule[]): XmlElement {
  return {
    CORSRule: rules.map(({ id, origins, methods, headers, exposed, maxAgeSeconds }) => ({
      ID: id,
      AllowedOrigin: origins,
      AllowedMethod: methods,
      AllowedHeader: headers,
      ExposeHeader: exposed,
      MaxAgeSeconds: maxAgeSeconds,
    })),
  };
}

export interface CorsRequest {
  readonly origin: string;
  readonly method: string;
  /** Of a preflight, in lower case. */
  readonly headers: readonly string[];
}

/** The headers of the first rule that allows the request; undefined when none does. */
export function corsHeaders(
  rules: readonly CorsRule[],
  request: CorsRequest,
): Readonly<Record<string, string>> | undefined {
  for (const rule of rules) {
    const origin = rule.origins.find((pattern) => fits(pattern, request.origin));
    if (origin === undefined || !rule.methods.includes(request.method)) continue;
    if (
      !request.headers.every((header) => rule.headers.some((pattern) => fits(pattern.toLowerCase(), header)))
    )
      continue;
    const isForAll = origin === '*';
    return {
      'access-control-allow-origin': isForAll ? '*' : request.origin,
      'access-control-allow-methods': rule.methods.join(', '),
      ...(request.headers.length > 0 && { 'access-control-allow-headers': request.headers.join(', ') }),
      ...(rule.exposed.length > 0 && { 'access-control-expose-headers': rule.exposed.join(', ') }),
      ...(rule.maxAgeSeconds !== undefined && { 'access-control-max-age': String(rule.maxAgeSeconds) }),
      // With a fixed answer for all there are no credentials to allow.
      ...(!isForAll && { 'access-control-allow-credentials': 'true' }),
      vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
    };
  }
  return undefined;
}

/** With one `*` at most a pattern is a beginning and an end. */
function fits(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === text;
  const [start, end] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
}
