import { ERROR_KINDS, type ErrorKind, StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const refusal = z.object({
  error: z.object({ code: z.string(), message: z.string(), requestId: z.string() }),
});

export interface AskedOf {
  readonly serverUrl: string;
  /** `GET /whoami`, for sentences. */
  readonly what: string;
  readonly isLoggedIn: boolean;
}

/** The JSON of an answer; undefined when there is none. Throws what the server refused with, in its words. */
export async function readAnswer(response: Response, asked: AskedOf): Promise<unknown> {
  const text = await readText(response, asked);
  const json = response.headers.get('content-type')?.startsWith('application/json') ? parse(text) : undefined;
  if (response.ok) {
    if (response.status === 204 || json !== undefined) return json;
    throw strange(response, asked);
  }
  const refused = refusal.safeParse(json);
  if (!refused.success) throw strange(response, asked);
  throw refusalOf(refused.data.error, response, asked);
}

function refusalOf(
  { code, message, requestId }: z.output<typeof refusal>['error'],
  { status }: Response,
  { isLoggedIn }: AskedOf,
): StoreError {
  const said = `${message.charAt(0).toUpperCase()}${message.slice(1).replace(/\.$/, '')}.`;
  if (status === 401) {
    const advice = isLoggedIn
      ? 'The credentials were not accepted.'
      : 'Say who you are: "zas login", ZAS_USER and ZAS_PASSWORD, or an API key in ZAS_TOKEN.';
    return new StoreError('unauthenticated', `${said} ${advice}`);
  }
  const traced = status >= 500 ? `${said} (request ${requestId})` : said;
  return new StoreError(kindOf(code), traced);
}

/** A failure of the server is none of this program, so it is not `internal` here. */
function kindOf(code: string): ErrorKind {
  const kind = ERROR_KINDS.find((known) => known === code);
  return kind === undefined || kind === 'internal' ? 'unavailable' : kind;
}

function strange({ status }: Response, { serverUrl, what }: AskedOf): StoreError {
  const redirected =
    status >= 300 && status < 400 ? ' and sends clients elsewhere; name the place it means' : '';
  return new StoreError(
    'unavailable',
    `${serverUrl} does not answer as a Zot Artifact Store does: it said ${status} to ${what}${redirected}.`,
  );
}

async function readText(response: Response, { serverUrl }: AskedOf): Promise<string> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of response.body ?? []) {
    sizeBytes += piece.length;
    if (sizeBytes > MAX_ANSWER_BYTES) {
      throw new StoreError('unavailable', `${serverUrl} answers more than ${MAX_ANSWER_BYTES} bytes.`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
