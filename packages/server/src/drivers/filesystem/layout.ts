import { dirname, join, resolve } from 'node:path';
import { DIGEST_HEX_LENGTH } from '@zot-artifact-store/spec';
import type { ObjectName, StagedId } from '../../content/blob-driver.ts';
import { parseObjectName, parseStagedId } from '../../content/object-name.ts';

const ALGORITHMS = Object.keys(DIGEST_HEX_LENGTH);

/**
 * Where everything lies: `objects/<algorithm>/<2 hex>/<hex>.<generation>`, `staging/<id>`,
 * `quarantine/<algorithm>/<hex>.<generation>`. The only place that builds paths, and only from names it has parsed.
 */
export class Layout {
  readonly root: string;
  readonly objects: string;
  readonly staging: string;
  readonly quarantine: string;

  constructor(root: string) {
    this.root = resolve(root);
    this.objects = join(this.root, 'objects');
    this.staging = join(this.root, 'staging');
    this.quarantine = join(this.root, 'quarantine');
  }

  /** Every folder but the fan-out, parents first. */
  get folders(): readonly string[] {
    const ofAlgorithms = ALGORITHMS.flatMap((name) => [
      join(this.objects, name),
      join(this.quarantine, name),
    ]);
    return [this.root, this.staging, this.objects, this.quarantine, ...ofAlgorithms];
  }

  /** The folders that hold a fan-out. */
  get fanOutParents(): readonly string[] {
    return ALGORITHMS.map((name) => join(this.objects, name));
  }

  /** The fan-out that every store uses, made at open; that of other algorithms is made as it is needed. */
  get commonFanOut(): string {
    return join(this.objects, 'sha256');
  }

  object(name: ObjectName): { readonly path: string; readonly folder: string } {
    const path = join(this.objects, parseObjectName(name).name);
    return { path, folder: dirname(path) };
  }

  staged(id: StagedId): string {
    return join(this.staging, parseStagedId(id));
  }

  quarantined(name: ObjectName): { readonly path: string; readonly folder: string } {
    const [algorithm = '', , file = ''] = parseObjectName(name).name.split('/');
    const folder = join(this.quarantine, algorithm);
    return { path: join(folder, file), folder };
  }
}

/** The 256 folders below each algorithm, by name. */
export const FAN_OUT = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
