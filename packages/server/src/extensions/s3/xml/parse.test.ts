import { describe, expect, it } from 'vitest';
import { childText, parseLongXml, parseXml } from './parse.ts';

const parse = (text: string | Buffer, root = 'Delete') => parseXml(Buffer.from(text), root);
const parseLong = (text: string | Buffer) => parseLongXml(Buffer.from(text), 'Delete');
const codeOf = async (parsing: () => unknown) => {
  try {
    await parsing();
    return 'taken';
  } catch (error) {
    return Object(error).code;
  }
};

describe('a request document', () => {
  it('is read with a namespace, without, and with prefixes', () => {
    for (const text of [
      '<Delete><Quiet>true</Quiet></Delete>',
      '<?xml version="1.0" encoding="UTF-8"?>\n<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet></Delete>',
      '<s3:Delete xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/"><s3:Quiet>true</s3:Quiet></s3:Delete>',
      '\ufeff<Delete><Quiet><![CDATA[true]]></Quiet></Delete>',
    ]) {
      expect(childText(parse(text), 'Quiet')).toBe('true');
    }
  });

  it.each([
    ['nothing', ''],
    ['another root', '<Other/>'],
    ['no end', '<Delete>'],
    ['two roots', '<Delete/><Delete/>'],
    ['text behind it', '<Delete/>x'],
    ['bytes that are not UTF-8', Buffer.from('<Delete>\xff</Delete>', 'latin1')],
    ['an entity of its own', '<!DOCTYPE Delete [<!ENTITY a "aaaa">]><Delete>&a;</Delete>'],
    ['an outside document type', '<!DOCTYPE Delete SYSTEM "http://example.com/x.dtd"><Delete/>'],
    ['an unknown entity', '<Delete>&nbsp;</Delete>'],
    ['deep nesting', `<Delete>${'<a>'.repeat(50)}${'</a>'.repeat(50)}</Delete>`],
    ['a million elements', `<Delete>${'<a/>'.repeat(1_000_000)}</Delete>`],
    [
      'a hundred thousand attributes',
      `<Delete ${Array.from({ length: 100_000 }, (_, n) => `a${n}=""`).join(' ')}/>`,
    ],
  ])('with %s is malformed', async (_what, text) => {
    expect(await codeOf(() => parse(text))).toBe('MalformedXML');
    expect(await codeOf(() => parseLong(text))).toBe('MalformedXML');
  });

  it('that is long is read in pieces, with the same result', async () => {
    const text = `<Delete>${'<Object><Key>\u{1f600}&amp;&#1;</Key></Object>'.repeat(3_000)}</Delete>`;
    expect(await parseLong(text)).toEqual(parse(text));
  });
});
