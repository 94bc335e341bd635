const MIB = 1024 * 1024;

export function rate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return '-';
  return perSecond >= 100 ? Math.round(perSecond).toLocaleString('en') : perSecond.toPrecision(3);
}

export function milliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return '-';
  return ms >= 100 ? Math.round(ms).toLocaleString('en') : ms.toPrecision(3);
}

export function mebibytes(bytes: number | undefined): string {
  if (bytes === undefined || !Number.isFinite(bytes)) return '-';
  return bytes >= 10 * MIB ? Math.round(bytes / MIB).toLocaleString('en') : (bytes / MIB).toPrecision(2);
}

/** Columns padded to their widest cell, the first to the left, all others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}
