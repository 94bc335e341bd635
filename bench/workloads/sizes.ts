const MIB = 1024 * 1024;

/** zb calls mebibytes MB; the names are kept so that figures can be compared. */
export const SIZES = [
  { label: '1MB', bytes: MIB, concurrency: 8, operations: 400 },
  { label: '10MB', bytes: 10 * MIB, concurrency: 8, operations: 100 },
  { label: '100MB', bytes: 100 * MIB, concurrency: 4, operations: 16 },
] as const;

export const [SMALL, MEDIUM, LARGE] = SIZES;
