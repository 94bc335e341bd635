import { connect, type Socket } from 'node:net';
import { type Response, ResponseReader } from './response-reader.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ExchangeOptions {
  readonly isHead?: boolean;
  readonly keepBody?: boolean;
  /** Sent after the head, one piece after the other, no faster than the server takes them. */
  readonly body?: Iterable<Buffer>;
}

interface Pending {
  resolve(response: Response): void;
  reject(error: Error): void;
}

const READ_BUFFER_BYTES = 512 * 1024;
const STALL_MS = 60_000;

/** One keep-alive connection with one request at a time. */
export class Connection {
  readonly #socket: Socket;
  readonly #reader = new ResponseReader((response) => this.#settle(response));
  #pending: Pending | undefined;
  #failure: Error | undefined;

  private constructor({ host, port }: Address) {
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      // One buffer for all reads: large bodies would else allocate one for every 64 KiB.
      onread: {
        buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
        callback: (count, buffer) => this.#read(count, buffer),
      },
    });
    this.#socket.setTimeout(STALL_MS, () => this.#fail(new Error(`no byte came for ${STALL_MS} ms`)));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /** Rejects when the server cannot be reached. */
  static async open(address: Address): Promise<Connection> {
    const connection = new Connection(address);
    await new Promise<void>((resolve, reject) => {
      connection.#socket.once('connect', resolve);
      connection.#socket.once('error', reject);
    });
    return connection;
  }

  get isUsable(): boolean {
    return this.#failure === undefined;
  }

  /** Sends one request and resolves with its whole response. After a rejection the connection is closed. */
  async exchange(head: string | Buffer, options: ExchangeOptions = {}): Promise<Response> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pending !== undefined) throw new Error('a request is under way on this connection');
    const { isHead = false, keepBody = false, body } = options;
    this.#reader.expect({ isHead, keepBody });
    const answered = new Promise<Response>((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
    if (body === undefined) {
      this.#socket.write(head);
      return answered;
    }
    answered.catch(() => {});
    await this.#sendBody(head, body);
    return answered;
  }

  close(): void {
    this.#failure ??= new Error('the connection is closed');
    this.#socket.destroy();
  }

  /** Stops when the answer is there before the body is sent; the connection then cannot be used again. */
  async #sendBody(head: string | Buffer, body: Iterable<Buffer>): Promise<void> {
    this.#socket.cork();
    this.#socket.write(head);
    let isFirst = true;
    for (const piece of body) {
      if (this.#pending === undefined) return this.close();
      const isTaken = this.#socket.write(piece);
      if (isFirst) this.#socket.uncork();
      isFirst = false;
      if (!isTaken) await this.#drained();
    }
    if (isFirst) this.#socket.uncork();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        this.#socket.off('drain', settle);
        this.#socket.off('close', settle);
        resolve();
      };
      this.#socket.on('drain', settle);
      this.#socket.on('close', settle);
      if (this.#socket.destroyed) settle();
    });
  }

  #read(count: number, buffer: Uint8Array): boolean {
    try {
      this.#reader.push(Buffer.from(buffer.buffer, buffer.byteOffset, count));
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }

  #settle(response: Response): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) this.#fail(new Error('a response nobody asked for'));
    else pending.resolve(response);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#socket.destroy();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(this.#failure);
  }
}
