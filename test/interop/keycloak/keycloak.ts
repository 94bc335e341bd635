import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { KEYCLOAK_FOLDER } from '../clients.ts';

const REALM = fileURLToPath(new URL('realm.json', import.meta.url));
const START_WITHIN_MS = 300_000;
const LOOK_EVERY_MS = 250;
const MAX_OUTPUT_CHARS = 20_000;
const ADMIN = 'admin';

export interface TokenAnswer {
  readonly access_token: string;
  readonly id_token: string;
  readonly refresh_token: string;
}

/** A real Keycloak with the realm of realm.json, in development mode on the loopback address. */
export class Keycloak {
  readonly url: string;
  readonly issuer: string;
  readonly #managementPort: number;
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(port: number, managementPort: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.issuer = `${this.url}/realms/store`;
    this.#managementPort = managementPort;
  }

  /** With an empty database, into which the realm is imported. */
  static async start(): Promise<Keycloak> {
    const [port = 0, managementPort = 0] = await freePorts(2);
    const keycloak = new Keycloak(port, managementPort);
    await rm(join(KEYCLOAK_FOLDER, 'data'), { recursive: true, force: true });
    await mkdir(join(KEYCLOAK_FOLDER, 'data/import'), { recursive: true });
    await copyFile(REALM, join(KEYCLOAK_FOLDER, 'data/import/store-realm.json'));
    await keycloak.resume();
    return keycloak;
  }

  /** Starts it, with what it knew before; resolves when it answers. */
  async resume(): Promise<void> {
    const child = spawn(
      join(KEYCLOAK_FOLDER, 'bin/kc.sh'),
      [
        'start-dev',
        '--import-realm',
        '--cache=local',
        '--http-host=127.0.0.1',
        `--http-port=${new URL(this.url).port}`,
        `--http-management-port=${this.#managementPort}`,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        // A group of its own, because the script starts Java as a child.
        detached: true,
        env: {
          ...process.env,
          KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN,
          KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN,
          // It lives for minutes: compiling well costs more than it brings.
          JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
        },
      },
    );
    const keep = (text: string): void => {
      this.#output = `${this.#output}${text}`.slice(-MAX_OUTPUT_CHARS);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    this.#process = child;
    process.once('exit', () => this.#kill('SIGKILL'));
    await this.#answers(child);
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null) return;
    this.#kill('SIGTERM');
    await once(child, 'close');
    this.#process = undefined;
  }

  /** A token of the realm, by whatever grant the form asks for. */
  async token(form: Readonly<Record<string, string>>): Promise<TokenAnswer> {
    return this.#post(`${this.issuer}/protocol/openid-connect/token`, form);
  }

  password(username: string, clientId = 'artstore-cli'): Promise<TokenAnswer> {
    const password = `${username}-password`;
    return this.token({ grant_type: 'password', client_id: clientId, username, password, scope: 'openid' });
  }

  /** Its administration API, below the realm; the JSON that is answered. */
  async admin(method: string, path: string, body?: unknown): Promise<unknown> {
    const { access_token: token } = await this.#post<TokenAnswer>(
      `${this.url}/realms/master/protocol/openid-connect/token`,
      { grant_type: 'password', client_id: 'admin-cli', username: ADMIN, password: ADMIN },
    );
    const answer = await fetch(`${this.url}/admin/realms/store${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async #post<T>(url: string, form: Readonly<Record<string, string>>): Promise<T> {
    const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T; // what the endpoint is documented to answer
  }

  async #answers(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + START_WITHIN_MS;
    while (Date.now() < deadline) {
      if (child.exitCode !== null) break;
      try {
        const answer = await fetch(`${this.issuer}/.well-known/openid-configuration`);
        if (answer.ok) return;
      } catch {
        // It does not listen yet.
      }
      await wait(LOOK_EVERY_MS);
    }
    this.#kill('SIGKILL');
    throw new Error(`Keycloak does not answer:\n${this.#output}`);
  }

  #kill(signal: NodeJS.Signals): void {
    const pid = this.#process?.pid;
    if (pid === undefined || this.#process?.exitCode !== null) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It has just ended.
    }
  }
}

/** Nobody listens on them now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port); // listening on TCP
  for (const server of servers) server.close();
  return ports;
}
