/** The nearest-rank percentile of ascending numbers; NaN of none. */
export function percentile(ascending: readonly number[], percent: number): number {
  const rank = Math.ceil((percent / 100) * ascending.length);
  return ascending[Math.max(0, rank - 1)] ?? Number.NaN;
}

/** The middle of numbers in any order, of an even count the mean of the middle two; NaN of none. */
export function median(numbers: readonly number[]): number {
  const ascending = numbers.toSorted((a, b) => a - b);
  const middle = ascending.length / 2;
  const lower = ascending[Math.ceil(middle) - 1] ?? Number.NaN;
  const upper = ascending[Math.floor(middle)] ?? Number.NaN;
  return (lower + upper) / 2;
}
