import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Destination, ExportedRecord } from './destination.ts';

export interface FileDestinationOptions {
  /** Absolute. */
  readonly path: string;
  /** Undefined leaves a record out. */
  lineOf(record: ExportedRecord): string | undefined;
}

/** Appends to a file that others may move away meanwhile: it is opened for each delivery, and synced before it counts. */
export function fileDestination({ path, lineOf }: FileDestinationOptions): Destination {
  return {
    async deliver(records) {
      const lines = records.map(lineOf).filter((line) => line !== undefined);
      if (lines.length === 0) return;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const file = await open(path, 'a', 0o600);
      try {
        await file.writeFile(`${lines.join('\n')}\n`);
        if ((await file.stat()).isFile()) await file.datasync();
      } finally {
        await file.close();
      }
    },
    close: async () => {},
  };
}
