import type { BuiltInSections } from '../config/sections.ts';
import { auditSection } from '../extensions/audit/config.ts';
import { rbacSection } from '../extensions/rbac/config.ts';
import { s3Section } from '../extensions/s3/config.ts';

/** The one list of extensions that come with the server and have a section of their own under `extensions`. */
export const BUILT_IN_SECTIONS = {
  audit: auditSection,
  rbac: rbacSection,
  s3: s3Section,
} satisfies BuiltInSections;
