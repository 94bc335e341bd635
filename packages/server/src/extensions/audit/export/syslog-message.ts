import type { ExportedRecord } from './destination.ts';

const SEVERITY: Readonly<Record<string, number>> = { done: 6, refused: 5, failed: 4 };
const NOTICE = 5;
const MAX_MSGID = 32;

/** RFC 5424: a header, no structured data, and the record as JSON in UTF-8. */
export function syslogMessage(
  { text, record }: ExportedRecord,
  { facility, hostName }: { readonly facility: number; readonly hostName: string },
): string {
  const severity = SEVERITY[String(record.result)] ?? NOTICE;
  const id = printable(String(record.event ?? record.type ?? ''), MAX_MSGID);
  const time = typeof record.time === 'string' ? record.time : '-';
  return `<${facility * 8 + severity}>1 ${time} ${printable(hostName, 255)} zas ${process.pid} ${id} - \ufeff${text}`;
}

/** PRINTUSASCII, or the nil value. */
function printable(text: string, maxLength: number): string {
  return text.replace(/[^\x21-\x7e]/g, '').slice(0, maxLength) || '-';
}
