import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../config/overrides.ts';

/** Where programs of this system keep what a user configured: `~/.config/zas` and its like. */
export function configFolder(env: Environment, platform: NodeJS.Platform = process.platform): string {
  const home = env.HOME || env.USERPROFILE || homedir();
  if (platform === 'win32') return join(env.APPDATA || join(home, 'AppData', 'Roaming'), 'zas');
  if (env.XDG_CONFIG_HOME) return join(env.XDG_CONFIG_HOME, 'zas');
  return platform === 'darwin'
    ? join(home, 'Library', 'Application Support', 'zas')
    : join(home, '.config', 'zas');
}
