/** What `zas` ends with; documented in `--help`. */
export const EXIT = {
  ok: 0,
  /** Found problems (fsck, scrub), or could not do what was asked. */
  failed: 1,
  /** Wrong usage, or a configuration that cannot be used. */
  usage: 2,
  /** The address to listen on is taken or not this machine's. */
  addressUnavailable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
