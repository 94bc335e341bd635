/** What an import is asked for. */
export interface ImportRequest {
  /** Absolute. */
  readonly folder: string;
  readonly what:
    | { readonly kind: 'tree'; readonly patterns: readonly string[] }
    | { readonly kind: 'layout'; readonly repository: string; readonly tag?: string };
  readonly mayLink: boolean;
  readonly movesTags: boolean;
}

/** What an export is asked for. */
export interface ExportRequest {
  /** Absolute. */
  readonly folder: string;
  readonly what:
    | { readonly kind: 'tree' }
    | { readonly kind: 'repository'; readonly repository: string; readonly tags: readonly string[] };
  readonly mayLink: boolean;
}
