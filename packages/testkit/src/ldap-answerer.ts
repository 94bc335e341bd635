import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type SecureContextOptions, TLSSocket } from 'node:tls';

/** An entry of the directory; attribute names in lower case. */
export interface LdapEntry {
  readonly dn: string;
  readonly password?: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

export interface LdapAnswererOptions {
  readonly entries: readonly LdapEntry[];
  /** Only who is bound may search. */
  readonly isClosed?: boolean;
  /** For StartTLS. */
  readonly tls?: SecureContextOptions;
  /** A result code for the binds of a user instead of what the password says. */
  readonly bindResult?: (dn: string) => number | undefined;
}

export interface LdapAnswerer {
  readonly port: number;
  /** What was asked, in order: `bind <dn>`, `search <filter>`, `starttls`. */
  readonly asked: readonly string[];
  /** Answers nothing from now on. */
  fallSilent(): void;
  close(): Promise<void>;
}

interface Element {
  readonly tag: number;
  readonly value: Buffer;
}

const SUCCESS = 0;
const PROTOCOL_ERROR = 2;
const SIZE_LIMIT_EXCEEDED = 4;
const INVALID_CREDENTIALS = 49;
const INSUFFICIENT_ACCESS = 50;
const START_TLS = '1.3.6.1.4.1.1466.20037';

/** A small LDAP server for tests (RFC 4511): simple binds, searches with and, or, not, equality and presence, StartTLS. */
export async function startLdapAnswerer(options: LdapAnswererOptions): Promise<LdapAnswerer> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let isSilent = false;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, { options, asked, isSilent: () => isSilent });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    fallSilent: () => {
      isSilent = true;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Session {
  readonly options: LdapAnswererOptions;
  readonly asked: string[];
  isSilent(): boolean;
}

function serve(socket: Socket, session: Session): void {
  let rest: Buffer = Buffer.alloc(0);
  let isBound = false;
  socket.on('error', () => socket.destroy());
  const onData = (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk]);
    for (let message = read(rest); message !== undefined; message = read(rest)) {
      rest = rest.subarray(message.end);
      if (session.isSilent()) continue;
      const [id, operation] = children(message.element.value);
      if (id === undefined || operation === undefined) return;
      const reply = (tag: number, value: Buffer): void => {
        socket.write(element(0x30, Buffer.concat([element(0x02, id.value), element(tag, value)])));
      };
      if (operation.tag === 0x60) isBound = bind(operation, session, reply);
      else if (operation.tag === 0x63) search(operation, { ...session, isBound }, reply);
      else if (operation.tag === 0x77) {
        startTls(operation, reply, () => {
          socket.off('data', onData);
          session.asked.push('starttls');
          serve(new TLSSocket(socket, { isServer: true, ...session.options.tls }), session);
        });
      } else socket.end();
    }
  };
  socket.on('data', onData);
}

type Answer = (tag: number, value: Buffer) => void;

function bind(operation: Element, { options, asked }: Session, reply: Answer): boolean {
  const [, dn, password] = children(operation.value).map(({ value }) => value.toString());
  asked.push(`bind ${dn}`);
  const entry = options.entries.find((one) => one.dn === dn);
  const isRight = entry?.password !== undefined && entry.password === password;
  const code = options.bindResult?.(dn ?? '') ?? (isRight ? SUCCESS : INVALID_CREDENTIALS);
  reply(0x61, result(code));
  return code === SUCCESS;
}

function search(
  operation: Element,
  { options, asked, isBound }: Session & { readonly isBound: boolean },
  reply: Answer,
): void {
  const [base, , , limit, , , filter] = children(operation.value);
  if (base === undefined || filter === undefined) return;
  asked.push(`search ${formatFilter(filter)}`);
  if (options.isClosed && !isBound) {
    reply(0x65, result(INSUFFICIENT_ACCESS));
    return;
  }
  const found = options.entries.filter(
    (entry) => entry.dn.endsWith(`,${base.value.toString()}`) && matches(filter, entry),
  );
  const most = limit?.value.readUIntBE(0, limit.value.length) || found.length;
  for (const { dn, attributes } of found.slice(0, most)) {
    const parts = Object.entries(attributes).map(([name, values]) =>
      element(0x30, Buffer.concat([text(name), element(0x31, Buffer.concat(values.map(text)))])),
    );
    reply(0x64, Buffer.concat([text(dn), element(0x30, Buffer.concat(parts))]));
  }
  reply(0x65, result(found.length > most ? SIZE_LIMIT_EXCEEDED : SUCCESS));
}

function startTls(operation: Element, reply: Answer, upgrade: () => void): void {
  const [name] = children(operation.value);
  const isKnown = name?.value.toString() === START_TLS;
  reply(0x78, result(isKnown ? SUCCESS : PROTOCOL_ERROR));
  if (isKnown) upgrade();
}

function matches(filter: Element, entry: LdapEntry): boolean {
  switch (filter.tag) {
    case 0xa0:
      return children(filter.value).every((part) => matches(part, entry));
    case 0xa1:
      return children(filter.value).some((part) => matches(part, entry));
    case 0xa2:
      return children(filter.value).every((part) => !matches(part, entry));
    case 0xa3: {
      const [name = '', wanted = ''] = children(filter.value).map(({ value }) => value.toString());
      const values = entry.attributes[name.toLowerCase()] ?? [];
      // caseIgnoreMatch
      return values.some((value) => value.toLowerCase() === wanted.trim().toLowerCase());
    }
    case 0x87:
      return (entry.attributes[filter.value.toString().toLowerCase()] ?? []).length > 0;
    default:
      return false;
  }
}

function formatFilter(filter: Element): string {
  const inner = (): string => children(filter.value).map(formatFilter).join('');
  switch (filter.tag) {
    case 0xa0:
      return `(&${inner()})`;
    case 0xa1:
      return `(|${inner()})`;
    case 0xa2:
      return `(!${inner()})`;
    case 0xa3: {
      const [name, value] = children(filter.value).map((part) => part.value.toString());
      return `(${name}=${JSON.stringify(value)})`;
    }
    case 0x87:
      return `(${filter.value.toString()}=*)`;
    default:
      return `(?${filter.tag})`;
  }
}

/** The first element of `bytes`, when it is there as a whole. */
function read(bytes: Buffer): { readonly element: Element; readonly end: number } | undefined {
  const tag = bytes[0];
  const short = bytes[1];
  if (tag === undefined || short === undefined) return undefined;
  const extra = short < 0x80 ? 0 : short & 0x7f;
  if (bytes.length < 2 + extra) return undefined;
  const length = extra === 0 ? short : bytes.readUIntBE(2, extra);
  const start = 2 + extra;
  if (bytes.length < start + length) return undefined;
  return { element: { tag, value: bytes.subarray(start, start + length) }, end: start + length };
}

function children(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let rest = bytes, next = read(rest); next !== undefined; next = read(rest)) {
    found.push(next.element);
    rest = rest.subarray(next.end);
  }
  return found;
}

function element(tag: number, value: Buffer): Buffer {
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), value]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(length);
  return Buffer.concat([Buffer.from([tag, 0x84]), size, value]);
}

function text(value: string): Buffer {
  return element(0x04, Buffer.from(value));
}

function result(code: number): Buffer {
  return Buffer.concat([element(0x0a, Buffer.from([code])), text(''), text('')]);
}
