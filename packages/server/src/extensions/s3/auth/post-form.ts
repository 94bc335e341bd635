import type { RequestContext, RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import { headerOf } from './header-of.ts';
import { MultipartReader } from './multipart-reader.ts';

/** The form of a PostObject. */
export interface PostForm {
  /** By lower-case name, with `${filename}` replaced; there is a `key`. */
  readonly fields: ReadonlyMap<string, string>;
  /** The name of the uploaded file without its folders; '' when the client gave none. */
  readonly fileName: string;
  /** `Content-Type` of the file's part. */
  readonly fileType: string | undefined;
  /** To be read once. What comes after it in the form is ignored. */
  readonly file: AsyncIterable<Uint8Array>;
}

/** All fields before the file together, with their part headers. */
const MAX_FIELDS_BYTES = 64 * 1024;
const MAX_FIELDS = 200;
const MAX_BOUNDARY_CHARS = 200;
const BOUNDARY = /;\s*boundary=(?:"([^"]*)"|([^;\s]*))/i;
/** A line of a part's head; what parses it is not linear in its length. */
const MAX_HEAD_LINE_BYTES = 4 * 1024;
// biome-ignore lint/suspicious/noTemplateCurlyInString: the variable of the reference
const FILE_NAME_VARIABLE = '${filename}';
const NOT_EXPANDED: ReadonlySet<string> = new Set(['policy', 'signature', 'x-amz-signature']);

interface PartHead {
  readonly name: string;
  readonly fileName: string | undefined;
  readonly type: string | undefined;
}

/**
 * Reads a `multipart/form-data` body up to its `file`. Throws PreconditionFailed for any other content type,
 * MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument when a field comes twice or `key` or `file`
 * are missing.
 */
export async function openPostForm({ head, body }: Pick<RequestContext, 'head' | 'body'>): Promise<PostForm> {
  const delimiter = Buffer.from(`\r\n--${boundaryOf(head)}`, 'latin1');
  const reader = new MultipartReader(body);
  const fields = new Map<string, string>();
  let leftBytes = MAX_FIELDS_BYTES;
  const take = async (read: Promise<Buffer>): Promise<Buffer> => {
    const bytes = await read;
    leftBytes -= bytes.length;
    return bytes;
  };
  await take(reader.readUntil(delimiter, leftBytes));
  for (;;) {
    const rest = (await take(reader.readLine(leftBytes))).toString('latin1');
    if (rest.startsWith('--')) throw missingFile();
    if (rest.trim() !== '') throw malformed('a boundary is followed by something else');
    const part = await readPartHead(() => take(reader.readLine(Math.min(leftBytes, MAX_HEAD_LINE_BYTES))));
    if (part.name === 'file') {
      const file = reader.streamUntil(delimiter);
      return { ...expand(fields, part.fileName ?? ''), fileType: part.type, file };
    }
    const value = await take(reader.readUntil(delimiter, leftBytes));
    if (fields.has(part.name)) throw twice(part.name);
    if (fields.size >= MAX_FIELDS) throw malformed(`it has more than ${MAX_FIELDS} fields`);
    fields.set(part.name, utf8(value));
  }
}

function boundaryOf(head: RequestHead): string {
  const type = headerOf(head, 'content-type') ?? '';
  if (!/^multipart\/form-data *(?:;|$)/i.test(type)) {
    const condition = 'Bucket POST must be of the enclosure-type multipart/form-data';
    throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
      fields: { Condition: condition },
    });
  }
  const [, quoted, bare] = BOUNDARY.exec(type) ?? [];
  const boundary = quoted ?? bare ?? '';
  if (boundary === '' || boundary.length > MAX_BOUNDARY_CHARS) {
    throw malformed('its Content-Type has no boundary');
  }
  return boundary;
}

async function readPartHead(readLine: () => Promise<Buffer>): Promise<PartHead> {
  let disposition = '';
  let type: string | undefined;
  for (;;) {
    const line = utf8(await readLine());
    if (line === '') break;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    if (name === 'content-disposition') disposition = line.slice(colon + 1).trim();
    if (name === 'content-type') type = line.slice(colon + 1).trim();
  }
  const parameters = parseDisposition(disposition);
  const name = parameters.get('name');
  if (name === undefined || name === '') throw malformed('a part has no name');
  return { name: name.toLowerCase(), fileName: fileNameOf(parameters), type };
}

/** The parameters of `form-data; name="key"; filename="a.txt"` (RFC 7578 4.2). */
function parseDisposition(disposition: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  if (!/^form-data *(?:;|$)/i.test(disposition)) return parameters;
  for (const [, name = '', quoted, bare] of disposition.matchAll(
    /; *([A-Za-z*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g,
  )) {
    // Browsers escape a quote as %22, older clients with a backslash; other backslashes are part of a path.
    const value = quoted?.replaceAll('\\"', '"').replaceAll('%22', '"') ?? (bare ?? '').trim();
    parameters.set(name.toLowerCase(), value);
  }
  return parameters;
}

function fileNameOf(parameters: ReadonlyMap<string, string>): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(parameters.get('filename*') ?? '')?.[1];
  const name = encoded === undefined ? parameters.get('filename') : decodePercent(encoded);
  return name?.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw malformed('the name of the file is not UTF-8', cause);
  }
}

/** "All variables within the form are expanded prior to validating the POST policy." */
function expand(
  fields: ReadonlyMap<string, string>,
  fileName: string,
): Pick<PostForm, 'fields' | 'fileName'> {
  const expanded = new Map<string, string>();
  for (const [name, value] of fields) {
    // A function, because a replacement text has patterns of its own.
    expanded.set(name, NOT_EXPANDED.has(name) ? value : value.replaceAll(FILE_NAME_VARIABLE, () => fileName));
  }
  if ((expanded.get('key') ?? '') === '') throw missingField('key');
  return { fields: expanded, fileName };
}

export function missingField(name: string): S3Error {
  return new S3Error(
    'InvalidArgument',
    `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
    { fields: { ArgumentName: name, ArgumentValue: '' } },
  );
}

function missingFile(): S3Error {
  return new S3Error('InvalidArgument', 'POST requires exactly one file upload per request.', {
    fields: { ArgumentName: 'file', ArgumentValue: '0' },
  });
}

function twice(name: string): S3Error {
  return new S3Error('InvalidArgument', `The field '${name.slice(0, 128)}' comes twice in the form.`, {
    fields: { ArgumentName: name.slice(0, 128), ArgumentValue: '2' },
  });
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed('a field is not UTF-8', cause);
  }
}

function malformed(why: string, cause?: unknown): S3Error {
  return new S3Error(
    'MalformedPOSTRequest',
    `The body of your POST request is not well-formed multipart/form-data: ${why}.`,
    cause === undefined ? {} : { cause },
  );
}
