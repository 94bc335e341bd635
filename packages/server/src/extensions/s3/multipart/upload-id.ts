import { randomBytes } from 'node:crypto';

const SHAPE = /^[0-9a-f]{44}$/;

/** Unguessable and unique for ever; ids of one key sort by the time they were made. */
export function newUploadId(nowMs: number): string {
  return firstUploadIdOf(nowMs) + randomBytes(16).toString('hex');
}

/** Every id made at `ms` or later is at least this. */
export function firstUploadIdOf(ms: number): string {
  return Math.max(0, ms).toString(16).padStart(12, '0');
}

/** Whether this server can have made it. */
export function isUploadId(text: string): boolean {
  return SHAPE.test(text);
}
