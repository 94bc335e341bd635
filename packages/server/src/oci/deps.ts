import type { Vetoes } from '../extension/contract.ts';
import type { Reply, RequestContext } from '../http/protocol.ts';
import type { Registry } from '../registry/registry.ts';

/** An entry of `GET /v2/_oci/ext/discover` (distribution-spec, extensions/_oci.md). */
export interface DiscoverableExtension {
  /** The namespace under `/v2`, with its leading underscore: `_zot`. */
  readonly name: string;
  /** Where it is described. */
  readonly url: string;
  readonly description: string;
  /** Paths it answers. */
  readonly endpoints: readonly string[];
}

export interface OciLimits {
  /** Larger manifests are refused. The spec asks for 4 MB at least. */
  readonly manifestMaxBytes: number;
}

export const DEFAULT_OCI_LIMITS: OciLimits = { manifestMaxBytes: 4 * 1024 * 1024 };

/** What the operations work with. */
export interface OciDeps {
  readonly registry: Registry;
  /** Only `beforeServe` is asked here; the registry asks those before a write. */
  readonly vetoes: Pick<Vetoes, 'beforeServe'>;
  /** Whether docker schema 2 manifests are accepted (zot's `http.compat`). */
  readonly compat: { readonly docker2s2: boolean };
  readonly extensionsDiscovery: readonly DiscoverableExtension[];
  readonly limits: OciLimits;
}

/** One operation: from the classified request to the reply. */
export type Run<Op> = (operation: Op, context: RequestContext, deps: OciDeps) => Promise<Reply>;
