import { S3Error } from '../errors.ts';
import type { AmzDate } from './amz-date.ts';

/** Throws RequestTimeTooSkewed when the clocks of client and server differ by more than `maxSkewMs`. */
export function assertClockSkew(
  date: AmzDate,
  { nowMs, maxSkewMs }: { readonly nowMs: number; readonly maxSkewMs: number },
): void {
  if (Math.abs(nowMs - date.atMs) <= maxSkewMs) return;
  throw new S3Error(
    'RequestTimeTooSkewed',
    'The difference between the request time and the current time is too large.',
    {
      fields: {
        RequestTime: date.iso,
        ServerTime: isoSeconds(nowMs),
        MaxAllowedSkewMilliseconds: String(maxSkewMs),
      },
    },
  );
}

/** `2013-05-24T00:00:00Z`, as times stand in error documents. */
export function isoSeconds(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d{3}/, '');
}
