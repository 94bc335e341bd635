import { spawnSync } from 'node:child_process';
import type { Contender } from './contender.ts';
import { peerBinary } from './peer-binary.ts';

const COMMAND = 'docker-registry';

/** Debian's docker-registry, installed when it is missing and this is root. Throws with what to do instead. */
export function defaultPeer(say: (line: string) => void): Contender {
  if (!isThere()) {
    if (process.getuid?.() !== 0 || !runs('apt-get', ['--version'])) throw new Error(ADVICE);
    say('installing docker-registry with apt-get');
    runs('apt-get', ['update', '-qq']);
    if (!runs('apt-get', ['install', '-y', '-qq', '--no-install-recommends', COMMAND])) {
      throw new Error(ADVICE);
    }
  }
  return peerBinary(COMMAND);
}

const ADVICE =
  'there is no docker-registry to measure against: install it (apt-get install docker-registry), or name a peer with --peer-binary or --peer-url, or give --no-peer';

function isThere(): boolean {
  return spawnSync(COMMAND, ['--version']).error === undefined;
}

function runs(command: string, args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, args, { stdio: 'ignore', env }).status === 0;
}
