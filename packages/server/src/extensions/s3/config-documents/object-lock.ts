import { S3Error } from '../errors.ts';
import type { DefaultRetention } from '../store/records.ts';
import { child, childText, malformed, parseXml } from '../xml/parse.ts';
import type { XmlElement } from '../xml/write.ts';

const MAX_DAYS = 36_500;
const MAX_YEARS = 100;

/** An `<ObjectLockConfiguration>`: its default retention, if any. Throws MalformedXML and InvalidRetentionPeriod. */
export function parseObjectLock(bytes: Uint8Array): DefaultRetention | undefined {
  const document = parseXml(bytes, 'ObjectLockConfiguration');
  const enabled = childText(document, 'ObjectLockEnabled')?.trim();
  if (enabled !== 'Enabled') throw malformed('ObjectLockEnabled must be Enabled');
  const rule = child(document, 'Rule');
  if (rule === undefined) return undefined;
  const retention = child(rule, 'DefaultRetention');
  if (retention === undefined) throw malformed('Rule needs a DefaultRetention');
  const mode = childText(retention, 'Mode')?.trim();
  if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE')
    throw malformed('Mode must be GOVERNANCE or COMPLIANCE');
  const days = childText(retention, 'Days')?.trim();
  const years = childText(retention, 'Years')?.trim();
  if ((days === undefined) === (years === undefined)) throw malformed('there must be either Days or Years');
  return days === undefined
    ? { mode, years: period(years ?? '', MAX_YEARS) }
    : { mode, days: period(days, MAX_DAYS) };
}

function period(text: string, most: number): number {
  if (!/^[+-]?\d{1,10}$/.test(text)) throw malformed(`"${text.slice(0, 40)}" is not a number`);
  const value = Number(text);
  if (value >= 1 && value <= most) return value;
  throw new S3Error(
    'InvalidRetentionPeriod',
    value < 1
      ? 'Default retention period must be a positive integer value'
      : 'Default retention period too large',
    { fields: { ArgumentValue: text } },
  );
}

export function objectLockElement(retention: DefaultRetention | undefined): XmlElement {
  return {
    ObjectLockEnabled: 'Enabled',
    ...(retention === undefined
      ? {}
      : {
          Rule: {
            DefaultRetention: { Mode: retention.mode, Days: retention.days, Years: retention.years },
          },
        }),
  };
}
