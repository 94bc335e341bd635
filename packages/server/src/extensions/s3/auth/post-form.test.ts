import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { S3Error } from '../errors.ts';
import { limitedFile } from './limited-file.ts';
import { openPostForm, type PostForm } from './post-form.ts';

const BOUNDARY = '----WebKitFormBoundary7MA4YWxk';

interface Part {
  readonly name: string;
  readonly value: string | Uint8Array;
  readonly fileName?: string;
  readonly type?: string;
}

function formBody(parts: readonly Part[], boundary = BOUNDARY): Buffer {
  const pieces = parts.flatMap(({ name, value, fileName, type }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`,
    fileName === undefined ? '' : `; filename="${fileName}"`,
    type === undefined ? '' : `\r\nContent-Type: ${type}`,
    '\r\n\r\n',
    value,
    '\r\n',
  ]);
  return Buffer.concat([...pieces, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece)));
}

async function open(
  bodies: string | Uint8Array | readonly Uint8Array[],
  type = `multipart/form-data; boundary=${BOUNDARY}`,
): Promise<PostForm> {
  const pieces = typeof bodies === 'string' || bodies instanceof Uint8Array ? [Buffer.from(bodies)] : bodies;
  return openPostForm({
    head: requestHead({ method: 'POST', target: '/bucket', headers: { 'content-type': type } }),
    body: {
      declaredBytes: undefined,
      collect: async () => Buffer.concat(pieces),
      async *[Symbol.asyncIterator]() {
        yield* pieces;
      },
    },
  });
}

async function read(form: PostForm): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of form.file) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function failure(opening: Promise<unknown>): Promise<S3Error> {
  try {
    await opening;
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const KEY: Part = { name: 'key', value: 'foo.txt' };
const FILE: Part = { name: 'file', value: 'bar', fileName: 'foo.txt', type: 'text/plain' };

describe('a form', () => {
  it('has its fields by lower-case name, and its file', async () => {
    const form = await open(
      formBody([
        { name: 'Key', value: `uploads/$\{filename}` },
        { name: 'X-Amz-Meta-Näme', value: 'é' },
        { name: 'empty', value: '' },
        { ...FILE, fileName: 'C:\\temp\\a b.txt' },
        { name: 'ignored', value: 'after the file' },
      ]),
    );
    expect(Object.fromEntries(form.fields)).toEqual({
      key: 'uploads/a b.txt',
      'x-amz-meta-näme': 'é',
      empty: '',
    });
    expect(form).toMatchObject({ fileName: 'a b.txt', fileType: 'text/plain' });
    expect((await read(form)).toString()).toBe('bar');
  });

  it('decodes the same however the network cuts it, whatever the file holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 200 }),
            // What looks like the end and is not.
            fc
              .constantFrom(
                '\r',
                '\r\n',
                '\r\n-',
                '\r\n--',
                `\r\n--${BOUNDARY.slice(0, -1)}`,
                `--${BOUNDARY}`,
              )
              .map((text) => Buffer.from(text)),
          ),
          { maxLength: 6 },
        ),
        fc.array(fc.nat(3_000), { maxLength: 60 }),
        async (contents, cuts) => {
          const content = Buffer.concat(contents);
          fc.pre(!Buffer.concat([Buffer.from('\r\n'), content]).includes(`\r\n--${BOUNDARY}`));
          const body = formBody([KEY, { name: 'a', value: 'b\r\nc' }, { ...FILE, value: content }, KEY]);
          const sorted = [...new Set(cuts.map((cut) => cut % body.length))].sort((a, b) => a - b);
          const pieces = [0, ...sorted].map((from, index) =>
            body.subarray(from, sorted[index] ?? body.length),
          );
          const form = await open(pieces);
          expect(form.fields.get('a')).toBe('b\r\nc');
          expect((await read(form)).equals(content)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    ['quotes', `multipart/form-data; charset=utf-8; boundary="a b"`, 'a b'],
    ['dashes', 'Multipart/Form-Data;boundary=--x', '--x'],
  ])('may have a boundary with %s', async (_name, type, boundary) => {
    const form = await open(formBody([KEY, FILE], boundary), type);
    expect((await read(form)).toString()).toBe('bar');
  });

  it.each([
    ['"a%22b.txt"', 'a"b.txt'],
    ['"a\\"b.txt"', 'a"b.txt'],
    ['/etc/passwd', 'passwd'],
    ["x; filename*=utf-8''%e2%82%ac.txt", '€.txt'],
    ['""', ''],
  ])('names its file %s', async (fileName, expected) => {
    const body = `--${BOUNDARY}\r\nContent-Disposition: form-data; name=key\r\n\r\n$1\${filename}$&\r\n--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename=${fileName}\r\n\r\nbar\r\n--${BOUNDARY}--`;
    const form = await open(body);
    expect(form.fileName).toBe(expected);
    expect(form.fields.get('key')).toBe(`$1${expected}$&`);
  });

  it('does not read its body further than the file is read', async () => {
    const pulled: string[] = [];
    const [head, ...rest] = [formBody([KEY, { ...FILE, value: 'x'.repeat(10) }]).subarray(0, 250), 'y', 'z'];
    const form = await openPostForm({
      head: requestHead({
        method: 'POST',
        target: '/bucket',
        headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
      }),
      body: {
        declaredBytes: undefined,
        collect: async () => Buffer.alloc(0),
        async *[Symbol.asyncIterator]() {
          yield head ?? Buffer.alloc(0);
          for (const piece of rest) {
            pulled.push(String(piece));
            yield Buffer.from(piece);
          }
        },
      },
    });
    expect(form.fields.get('key')).toBe('foo.txt');
    expect(pulled).toEqual([]);
  });
});

describe('what is no form', () => {
  it.each([undefined, 'application/json', 'multipart/form-dataX; boundary=a', 'multipart/mixed; boundary=a'])(
    'is PreconditionFailed as %s',
    async (type) => {
      const error = await failure(open(formBody([KEY, FILE]), type ?? ''));
      expect(error).toMatchObject({ code: 'PreconditionFailed', status: 412 });
    },
  );

  it.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    `multipart/form-data; boundary=${'x'.repeat(201)}`,
  ])('has no boundary: %s', async (type) => {
    expect(await failure(open(formBody([KEY, FILE]), type))).toMatchObject({ code: 'MalformedPOSTRequest' });
  });

  it.each([
    ['', 'MalformedPOSTRequest'],
    ['nonsense', 'MalformedPOSTRequest'],
    [`--${BOUNDARY}`, 'MalformedPOSTRequest'],
    [`--${BOUNDARY}--\r\n`, 'InvalidArgument'],
    [`--${BOUNDARY}x\r\n\r\n`, 'MalformedPOSTRequest'],
    [`--${BOUNDARY}\r\n\r\nbar\r\n--${BOUNDARY}--\r\n`, 'MalformedPOSTRequest'],
    [
      `--${BOUNDARY}\r\nContent-Disposition: attachment; name="key"\r\n\r\nx\r\n--${BOUNDARY}--`,
      'MalformedPOSTRequest',
    ],
    [`--${BOUNDARY}\r\nContent-Disposition: form-data; name="key"\r\n\r\nx`, 'MalformedPOSTRequest'],
  ])('%j is refused', async (body, code) => {
    expect(await failure(open(`${body}`))).toMatchObject({ code, status: 400 });
  });

  it('has no file, no key, or a field twice', async () => {
    expect(await failure(open(formBody([KEY])))).toMatchObject({
      code: 'InvalidArgument',
      fields: { ArgumentName: 'file' },
    });
    expect(await failure(open(formBody([FILE])))).toMatchObject({
      code: 'InvalidArgument',
      fields: { ArgumentName: 'key' },
    });
    expect(await failure(open(formBody([KEY, { ...KEY, name: 'KEY' }, FILE])))).toMatchObject({
      code: 'InvalidArgument',
      fields: { ArgumentName: 'key', ArgumentValue: '2' },
    });
  });

  it('has fields that are too many, too long or not UTF-8', async () => {
    const many = Array.from({ length: 201 }, (_, index) => ({ name: `f${index}`, value: '' }));
    expect((await failure(open(formBody([...many, FILE])))).code).toBe('MalformedPOSTRequest');
    const long = { name: 'a', value: 'x'.repeat(40_000) };
    expect((await failure(open(formBody([long, { ...long, name: 'b' }, FILE])))).code).toBe(
      'MaxPostPreDataLengthExceededError',
    );
    expect((await failure(open(formBody([{ name: 'x'.repeat(5_000), value: '' }, FILE])))).code).toBe(
      'MaxPostPreDataLengthExceededError',
    );
    expect((await failure(open(formBody([{ name: 'a', value: Buffer.from([0xff]) }, FILE])))).code).toBe(
      'MalformedPOSTRequest',
    );
  });

  it('ends within its file', async () => {
    const whole = formBody([KEY, FILE]);
    const form = await open(whole.subarray(0, whole.length - BOUNDARY.length));
    expect((await failure(read(form))).code).toBe('MalformedPOSTRequest');
  });
});

describe('the size of a file', () => {
  async function* file(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('hello ');
    yield Buffer.from('world');
  }
  const readAll = async (minBytes: number, maxBytes: number): Promise<string> => {
    let text = '';
    for await (const piece of limitedFile(file(), { minBytes, maxBytes }))
      text += Buffer.from(piece).toString();
    return text;
  };

  it('lies within its limits, and both belong to them', async () => {
    expect(await readAll(11, 11)).toBe('hello world');
    expect(await failure(readAll(0, 10))).toMatchObject({
      code: 'EntityTooLarge',
      fields: { ProposedSize: '11', MaxSizeAllowed: '10' },
    });
    expect(await failure(readAll(12, 20))).toMatchObject({
      code: 'EntityTooSmall',
      fields: { ProposedSize: '11', MinSizeAllowed: '12' },
    });
  });
});
