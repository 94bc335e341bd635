import type { Permission } from '../../server/src/extension/access.ts';
import type { Reply, RequestBody, RequestHead } from '../../server/src/http/protocol.ts';
import type { OciDeps } from '../../server/src/oci/deps.ts';
import { createOciProtocol } from '../../server/src/oci/protocol.ts';
import type { Registry } from '../../server/src/registry/registry.ts';

export interface OciRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** As if the body had come chunked. */
  readonly isLengthUnknown?: boolean;
  readonly signal?: AbortSignal;
  /** What the authorisers say beyond the operation's own permissions; everything is allowed by default. */
  can?(permission: Permission): boolean;
}

/** Parts of a registry; calling what is missing fails the test. */
export type RegistryParts = { readonly [Part in keyof Registry]?: Partial<Registry[Part]> };

/** Classifies and runs one request on `parts` without a socket; a failure is rendered as the pipeline would. */
export async function runOci(
  target: string,
  request: OciRequest,
  parts: RegistryParts,
  deps: Partial<OciDeps> = {},
): Promise<Reply> {
  const protocol = createOciProtocol({
    registry: registryOf(parts),
    vetoes: {},
    compat: { docker2s2: false },
    extensionsDiscovery: [],
    limits: { manifestMaxBytes: 4 * 1024 * 1024 },
    ...deps,
  });
  return protocol.run(protocol.classify(headOf(target, request)), {
    head: headOf(target, request),
    body: bodyOf(request),
    principal: { kind: 'anonymous' },
    signal: request.signal ?? new AbortController().signal,
    can: async (permission) => request.can?.(permission) ?? true,
    challenges: () => [],
    note: () => {},
    authorizeAs: async () => {},
  });
}

/** The whole body of a reply as text. */
export async function replyText({ body }: Reply): Promise<string> {
  if (body === undefined) return '';
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export function headOf(target: string, request: OciRequest): RequestHead {
  const mark = target.indexOf('?');
  return {
    id: 'request-1',
    method: request.method ?? 'GET',
    target,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers: request.headers ?? {},
    rawHeaders: Object.entries(request.headers ?? {}).flat(),
    remoteAddress: '127.0.0.1',
  };
}

function bodyOf(request: OciRequest): RequestBody {
  const bytes = Buffer.from(request.body ?? '');
  return {
    declaredBytes: request.isLengthUnknown ? undefined : bytes.length,
    collect: async () => bytes,
    async *[Symbol.asyncIterator]() {
      if (bytes.length > 0) yield bytes;
    },
  };
}

function registryOf(parts: RegistryParts): Registry {
  const part = <Name extends keyof Registry>(name: Name): Registry[Name] =>
    new Proxy<object>(parts[name] ?? {}, {
      get: (target, method) => {
        const value: unknown = Reflect.get(target, method);
        if (value === undefined) throw new Error(`the test has no ${name}.${String(method)}`);
        return value;
      },
      // The proxy stands for every method of the part: those it does not have throw when they are reached for.
    }) as Registry[Name];
  return {
    repositories: part('repositories'),
    manifests: part('manifests'),
    tags: part('tags'),
    blobs: part('blobs'),
    uploads: part('uploads'),
    referrers: part('referrers'),
  };
}
