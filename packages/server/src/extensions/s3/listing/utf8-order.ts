/** Compares as UTF-8 bytes, the order of S3 listings; JavaScript's own order differs above U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
