import { StoreError } from './store-error.ts';

/** A valid repository name (distribution-spec, "Pulling manifests"); only `parseRepositoryName` makes one. */
export type RepositoryName = string & { readonly __repositoryName: unique symbol };
/** A valid tag; only `parseTag` makes one. */
export type Tag = string & { readonly __tag: unique symbol };

/** Clients limit host plus name to 255 (distribution-spec); we hold the name alone to it. */
export const MAX_REPOSITORY_NAME_LENGTH = 255;
export const MAX_TAG_LENGTH = 128;

// Both run in linear time: every separator is mandatory and no two adjacent parts can match the same character.
const REPOSITORY_NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Throws `name-invalid`. */
export function parseRepositoryName(text: string): RepositoryName {
  if (text.length > MAX_REPOSITORY_NAME_LENGTH || !REPOSITORY_NAME.test(text)) {
    throw new StoreError(
      'name-invalid',
      `"${text.slice(0, 120)}" is not a repository name; use lower-case letters and digits, joined by . _ __ or -, with / between components, ${MAX_REPOSITORY_NAME_LENGTH} characters at most`,
      { resource: text.slice(0, 120) },
    );
  }
  return text as RepositoryName;
}

export function isTag(text: string): text is Tag {
  return text.length <= MAX_TAG_LENGTH && TAG.test(text);
}

/** Throws `tag-invalid`. */
export function parseTag(text: string): Tag {
  if (!isTag(text)) {
    throw new StoreError(
      'tag-invalid',
      `"${text.slice(0, 140)}" is not a tag; use letters, digits, _ . and -, not starting with . or -, ${MAX_TAG_LENGTH} characters at most`,
      { resource: text.slice(0, 140) },
    );
  }
  return text;
}
