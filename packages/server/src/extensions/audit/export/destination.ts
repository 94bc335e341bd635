/** A line of the trail, without its line break, and the record in it. */
export interface ExportedRecord {
  readonly text: string;
  readonly record: Readonly<Record<string, unknown>>;
}

/** Where records go. */
export interface Destination {
  /** Resolves when the other side has them; what it rejects with is shown to the operator, and they are sent again. */
  deliver(records: readonly ExportedRecord[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
