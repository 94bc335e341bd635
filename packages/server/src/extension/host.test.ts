import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ExtensionHost, Parts } from './contract.ts';
import { type SetupOptions, setUpExtensions } from './host.ts';
import { ExtensionProblems } from './load.ts';
import { type CheckedExtension, prepareExtensions } from './order.ts';
import { SharedServices } from './shared-services.ts';
import { VetoChain } from './veto-chain.ts';

const subject = { principal: { kind: 'anonymous' }, repository: 'a' } as const;

function extension(name: string, setup: () => Parts | Promise<Parts>): CheckedExtension {
  const [checked] = prepareExtensions([
    { extension: { name, config: z.object({}), setup }, section: {}, configPath: name, source: 'a test' },
  ]);
  if (checked === undefined) throw new Error('not prepared');
  return checked;
}

function options(): SetupOptions & { readonly vetoes: VetoChain; readonly hosts: string[] } {
  const hosts: string[] = [];
  const log = pino({ level: 'silent' });
  const hostFor = (name: string): ExtensionHost => {
    hosts.push(name);
    return { log } as ExtensionHost; // the extensions of this test ask for nothing else
  };
  return { hostFor, vetoes: new VetoChain(), services: new SharedServices(), log, hosts };
}

const protocol = (name: string) =>
  ({ name, claims: () => false, classify: never, run: never, renderError: never }) as const;
function never(): never {
  throw new Error('not called');
}

async function problemsOf(work: Promise<unknown>): Promise<readonly string[]> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ExtensionProblems) return error.problems;
  throw error;
}

describe('setUpExtensions', () => {
  it('sets up in order and gathers the parts under the names of their extensions', async () => {
    const given = options();
    const part = {
      name: 'same',
      observe: async () => {},
      intervalMs: 5,
      run: async () => {},
      check: async () => {},
    };
    const parts = () => ({ observers: [part], tasks: [part], health: [part], protocols: [] });
    const sealed = await setUpExtensions([extension('one', parts), extension('two', parts)], given);
    expect(given.hosts).toEqual(['one', 'two']);
    for (const kind of ['observers', 'tasks', 'health'] as const) {
      expect(sealed[kind].map(({ name }) => name)).toEqual(['one/same', 'two/same']);
    }
  });

  it('refuses what is there twice, all at once, and shuts down what was set up', async () => {
    const stopped: string[] = [];
    const parts = (name: string) => (): Parts => ({
      protocols: [protocol('p')],
      tasks: [
        { name: 't', intervalMs: 1, run: async () => {} },
        { name: 't', intervalMs: 1, run: async () => {} },
      ],
      shutdown: async () => void stopped.push(name),
    });
    const work = setUpExtensions([extension('one', parts('one')), extension('two', parts('two'))], options());
    expect(await problemsOf(work)).toEqual([
      'the protocol "p" is brought by two extensions, "one" and "two"',
      'the extension "one" has two tasks named "t"',
      'the extension "two" has two tasks named "t"',
    ]);
    expect(stopped).toEqual(['two', 'one']);
  });

  it('shuts down what was set up when a later one fails, and names that', async () => {
    const stopped: string[] = [];
    const work = setUpExtensions(
      [
        extension('one', () => ({ shutdown: async () => void stopped.push('one') })),
        extension('two', () => Promise.reject(new Error('no socket'))),
      ],
      options(),
    );
    expect(await problemsOf(work)).toEqual(['the extension "two" could not be set up: no socket']);
    expect(stopped).toEqual(['one']);
  });

  it('stops in reverse order, past one that throws and one that never comes back', async () => {
    const stopped: string[] = [];
    const sealed = await setUpExtensions(
      [
        extension('first', () => ({ shutdown: async () => void stopped.push('first') })),
        extension('stuck', () => ({ shutdown: () => new Promise(() => stopped.push('stuck')) })),
        extension('broken', () => ({
          shutdown: async () => {
            stopped.push('broken');
            throw new Error('broken');
          },
        })),
      ],
      options(),
    );
    await sealed.close(10);
    await sealed.close(10);
    expect(stopped).toEqual(['broken', 'stuck', 'first']);
  });
});

describe('the vetoes of several extensions', () => {
  it('are asked one after the other, each with its own `this`, until one refuses', async () => {
    const given = options();
    const asked: string[] = [];
    const link = (name: string, refuses = false): Parts => ({
      vetoes: {
        async beforeIngest({ repository }) {
          expect(this).toHaveProperty('beforeIngest');
          asked.push(`${name} ${repository}`);
          if (refuses) throw new Error(`${name} refuses`);
        },
      },
    });
    await setUpExtensions(
      [
        extension('one', () => link('one')),
        extension('none', () => ({})),
        extension('two', () => link('two', true)),
        extension('three', () => link('three')),
      ],
      given,
    );
    const work = given.vetoes.beforeIngest({ ...subject, declaredBytes: 1 });
    await expect(work).rejects.toThrow('two refuses');
    expect(asked).toEqual(['one a', 'two a']);
    await given.vetoes.beforeDelete({ ...subject, kind: 'tag', reference: 'v1' });
  });

  it('refuse everything before they are sealed', async () => {
    await expect(new VetoChain().beforeIngest({ ...subject, declaredBytes: 1 })).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });
});
