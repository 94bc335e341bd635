import { z } from 'zod';
import { flag, size, text, wholeNumber } from '../../config/fields.ts';
import { exportsField } from './export/config.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** `extensions.audit` of the config file. */
export const auditSection = z
  .strictObject({
    enable: flag('False keeps no audit trail. Default true.').default(true),
    folder: text('Where the trail is. Default: `audit` in the main data folder.'),
    reads: flag('Whether what was read is recorded too. Default false.').default(false),
    failClosed: flag(
      'Whether changes are refused while the trail cannot be written; otherwise they are made, and the trail says how many records it lost. Default true.',
    ).default(true),
    sync: z.enum(['second', 'always'], { error: 'must be "second" or "always"' }).default('second').meta({
      description:
        'When the disk is asked to keep what was written: once a "second", so that a power cut may cost the last second of the trail, or "always" before an answer. Default "second".',
    }),
    rotateSize: size('A file of the trail that has grown so large is followed by another. Default "64MiB".', {
      min: 64 * KIB,
      max: 1024 * MIB,
    }).default(64 * MIB),
    keepFiles: wholeNumber('How many files of each worker are kept besides the one it writes. Default 32.', {
      min: 1,
      max: 100_000,
    }).default(32),
    checkpointRecords: wholeNumber('A signed checkpoint comes after so many records. Default 1000.', {
      min: 1,
      max: 1_000_000,
    }).default(1000),
    checkpointSeconds: wholeNumber(
      'A signed checkpoint comes so many seconds after the first record without one. Default 60.',
      { min: 1, max: 86_400 },
    ).default(60),
    exports: exportsField,
  })
  .meta({ description: 'The audit trail: who did what, or tried to. Kept unless enable is false.' });

export type AuditOptions = z.output<typeof auditSection>;
