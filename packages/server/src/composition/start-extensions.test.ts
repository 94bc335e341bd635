import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { defineExtension, type ExtensionHost, type Parts } from '../extension/contract.ts';
import { drainOutbox } from '../extension/drain-outbox.ts';
import type { StoreEvent } from '../extension/events.ts';
import type { SealedExtensions } from '../extension/host.ts';
import { VetoChain } from '../extension/veto-chain.ts';
import { transact } from '../metadata/transaction.ts';
import { lockDataFolders } from './data-folders.ts';
import { openStores, type Stores } from './open-stores.ts';
import { startExtensions } from './start-extensions.ts';

const log = pino({ level: 'silent' });
const clock = { now: Date.now };

describe('what an extension gets', () => {
  let root: string;
  let config: Config;
  const closers: (() => Promise<void> | void)[] = [];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'zas-host-'));
    const flags = { data: root };
    const loaded = await loadConfig({ file: undefined, flags, env: {}, cwd: root, cores: 1, sections: {} });
    if (!loaded.ok) throw new Error('no config');
    config = loaded.config;
    for (const folder of await lockDataFolders(config)) closers.push(() => folder.close());
  });
  afterEach(async () => {
    await stop();
    await rm(root, { recursive: true, force: true });
  });

  async function stop(): Promise<void> {
    for (const close of closers.splice(0).reverse()) await close();
  }

  /** Starts extensions of these names with `parts`; what each got, by name. */
  async function start(parts: Readonly<Record<string, Parts>>): Promise<{
    readonly hosts: Map<string, ExtensionHost>;
    readonly sealed: SealedExtensions;
    stores: Stores;
  }> {
    const hosts = new Map<string, ExtensionHost>();
    const vetoes = new VetoChain();
    let sealed: SealedExtensions | undefined;
    const stores = await openStores(config, {
      log,
      clock,
      vetoes,
      observers: () => sealed?.observers.map(({ name }) => name) ?? [],
      onFatal: () => {},
    });
    closers.push(() => stores.close());
    const builtIn = Object.entries(parts).map(([name, part]) => ({
      extension: defineExtension({
        name,
        config: z.strictObject({}),
        setup(host) {
          hosts.set(name, host);
          return part;
        },
      }),
      section: {},
      configPath: name,
      source: 'a test',
    }));
    sealed = await startExtensions(config, { stores, vetoes, log, clock, builtIn });
    return { hosts, sealed, stores };
  }

  it('includes secrets of its own that are the same after a restart', async () => {
    const secretsOf = ({ hosts }: { readonly hosts: Map<string, ExtensionHost> }) =>
      ['one', 'two'].map((name) => Buffer.from(hosts.get(name)?.deriveSecret('keys') ?? []).toString('hex'));
    const first = secretsOf(await start({ one: {}, two: {} }));
    expect(new Set(first).size).toBe(2);
    await stop();
    expect(secretsOf(await start({ one: {}, two: {} }))).toEqual(first);
    expect(first[0]).toHaveLength(64);
  });

  it('includes the vetoes of all extensions', async () => {
    const beforeDelete = async ({ kind, reference }: { kind: string; reference: string }) => {
      throw new StoreError('denied', `${kind} ${reference} is locked`);
    };
    const { hosts } = await start({ writer: {}, lock: { vetoes: { beforeDelete } } });
    const asked = hosts.get('writer')?.vetoes.beforeDelete({
      principal: { kind: 'anonymous' },
      repository: 's3/photos',
      kind: 'object',
      reference: 'cat.jpg',
    });
    await expect(asked).rejects.toThrow('object cat.jpg is locked');
  });

  it('includes a sink for events, which reach observers with the transaction and not without', async () => {
    const observed: StoreEvent[] = [];
    const observer = { name: 'audit', observe: async (event: StoreEvent) => void observed.push(event) };
    const { hosts, sealed, stores } = await start({ writer: {}, audit: { observers: [observer] } });
    const events = hosts.get('writer')?.events;
    const write = (key: string, fail?: Error) =>
      transact(stores.metadata, (transaction) => {
        events?.write(transaction, {
          type: 'object.created',
          repository: 's3/photos',
          bucket: 'photos',
          key,
          sizeBytes: 3,
          etag: 'abc',
          operation: 'put',
        });
        if (fail !== undefined) throw fail;
      });
    await write('a\0b');
    await expect(write('lost', new Error('refused'))).rejects.toThrow('refused');
    for (const queue of sealed.observers) {
      await drainOutbox(queue, { metadata: stores.metadata, clock, log }).run(AbortSignal.timeout(10_000));
    }
    expect(observed).toEqual([
      expect.objectContaining({ type: 'object.created', key: 'a\0b', operation: 'put' }),
    ]);
  });
});
