import type { Duplex } from 'node:stream';
import { plainReply } from './plain-error.ts';

/** How long the client may take to read the answer before the connection ends for good. */
const LINGER_MS = 500;

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
};

/** What to tell a client whose bytes are not HTTP, from llhttp's code. Never shows the parser's own text. */
export function judgeParseError(error: { readonly code?: string }): { status: number; message: string } {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, message: 'the request line and headers are too large' };
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, message: 'the chunk extensions are too large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, message: 'the request took too long to arrive' };
    case 'HPE_INVALID_EOF_STATE':
      return { status: 400, message: 'the connection ended before the whole request arrived' };
    case 'HPE_UNEXPECTED_CONTENT_LENGTH':
    case 'HPE_INVALID_CONTENT_LENGTH':
    case 'HPE_INVALID_TRANSFER_ENCODING':
      return { status: 400, message: 'the length of the request body is given wrongly or twice' };
    case 'HPE_INVALID_CHUNK_SIZE':
      return { status: 400, message: 'the chunked request body is malformed' };
    default:
      return { status: 400, message: 'the request is not valid HTTP/1.1' };
  }
}

/** Answers on a socket that has no response object, then ends it. */
export function writeRawError(socket: Duplex, status: number, message: string, requestId: string): void {
  const { body } = plainReply(status, 'UNSUPPORTED', message, requestId);
  const text = String(body);
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Bad Request'}\r\n` +
      `Date: ${new Date().toUTCString()}\r\nX-Request-Id: ${requestId}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
  // Unread bytes at close become a reset that can wipe the answer; let the client hang up first.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}
