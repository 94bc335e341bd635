import type { Destination } from './destination.ts';

/** One JSON line for each record, on standard output. */
export function stdoutDestination(output: NodeJS.WritableStream): Destination {
  return {
    deliver: (records) =>
      new Promise((resolve, reject) => {
        output.write(`${records.map(({ text }) => text).join('\n')}\n`, (error) =>
          error ? reject(error) : resolve(),
        );
      }),
    close: async () => {},
  };
}
