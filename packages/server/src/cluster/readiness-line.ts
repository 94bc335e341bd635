import { isIPv6 } from 'node:net';

export interface ReadinessOptions {
  readonly isTls: boolean;
  /** As configured: a name or an address. */
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** Undefined when the environment gave the password. */
  readonly rootPasswordPath: string | undefined;
}

/** The one line on standard output that says that requests are served, to people and to scripts. */
export function readinessLine({ isTls, host, port, dataFolder, rootPasswordPath }: ReadinessOptions): string {
  const authority = isIPv6(host) ? `[${host}]` : host;
  const password =
    rootPasswordPath === undefined
      ? 'root password from the environment'
      : `root password in ${rootPasswordPath}`;
  return `zas ready on ${isTls ? 'https' : 'http'}://${authority}:${port} · data ${dataFolder} · ${password}`;
}
