import { S3Error } from '../errors.ts';

/** InvalidArgument about a header or query parameter: says which, and what it was. */
export function invalidArgument(name: string, value: string, message: string): S3Error {
  return new S3Error('InvalidArgument', message, {
    fields: { ArgumentName: name, ArgumentValue: value.slice(0, 1_024) },
  });
}
