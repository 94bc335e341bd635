import { StoreError } from '@zot-artifact-store/spec';
import type { ApiRoute } from '../extension/api-route.ts';

export const API_PREFIX = '/-/api/v1';

interface Entry {
  readonly route: ApiRoute;
  /** A name in braces, or the segment itself. */
  readonly segments: readonly string[];
}

export interface FoundRoute {
  readonly route: ApiRoute;
  readonly params: Readonly<Record<string, string>>;
}

/** The routes of the management API by method and path. Throws an Error for two routes that answer the same request. */
export class RouteTable {
  readonly #entries: readonly Entry[];

  constructor(routes: readonly ApiRoute[]) {
    const seen = new Set<string>();
    for (const { name, method, path } of routes) {
      for (const mark of [`the name ${name}`, `${method} ${path.replaceAll(/\{[^}]*\}/g, '{}')}`]) {
        if (seen.has(mark)) throw new Error(`two routes of the API have ${mark}`);
        seen.add(mark);
      }
    }
    this.#entries = routes.map((route) => ({ route, segments: route.path.slice(1).split('/') }));
  }

  /**
   * The route of a raw path below the prefix; a literal segment goes before a parameter. Throws `route-unknown`,
   * `method-not-allowed` with the methods there are, `argument-invalid` for a parameter that cannot be decoded.
   */
  find(method: string, path: string): FoundRoute {
    const parts = path.slice(1).split('/');
    const here = this.#entries
      .filter(({ segments }) => isMatch(segments, parts))
      .sort((a, b) => literalCount(b) - literalCount(a));
    const [best] = here;
    if (best === undefined) {
      throw new StoreError('route-unknown', `the API has nothing at ${API_PREFIX}${path.slice(0, 200)}`);
    }
    const found = here.find(({ route }) => route.method === method);
    if (found === undefined) {
      const allowed = here.map(({ route }) => route.method).join(', ');
      throw new StoreError('method-not-allowed', `this path answers ${allowed}`, {
        headers: { allow: allowed },
      });
    }
    return { route: found.route, params: paramsOf(found.segments, parts) };
  }
}

function isParameter(segment: string): boolean {
  return segment.startsWith('{');
}

function literalCount({ segments }: Entry): number {
  return segments.filter((segment) => !isParameter(segment)).length;
}

function isMatch(segments: readonly string[], parts: readonly string[]): boolean {
  if (segments.length !== parts.length) return false;
  return segments.every((segment, index) =>
    isParameter(segment) ? parts[index] !== '' : segment === parts[index],
  );
}

function paramsOf(segments: readonly string[], parts: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (isParameter(segment)) params[segment.slice(1, -1)] = decode(parts[index] ?? '');
  }
  return params;
}

/** A name may have slashes (a repository's), percent-encoded, and no control characters. */
function decode(raw: string): string {
  let name: string;
  try {
    name = decodeURIComponent(raw);
  } catch {
    throw new StoreError('argument-invalid', `"${raw.slice(0, 120)}" has a broken percent-encoding`);
  }
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 32 || code === 127) {
      throw new StoreError('argument-invalid', `"${raw.slice(0, 120)}" has a control character`);
    }
  }
  return name;
}
