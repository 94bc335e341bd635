/** The public edge of the server package: what a third party's extension is written against. */
export { type ErrorKind, isStoreError, StoreError, type StoreErrorOptions } from '@zot-artifact-store/spec';
export type { BlobInfo, ContentStore } from './content/content-store.ts';
export type {
  AccessLimit,
  Action,
  Permission,
  Principal,
  UserPrincipal,
} from './extension/access.ts';
export { assertUnchanged } from './extension/api-etag.ts';
export { pageOf, pageQuery } from './extension/api-page.ts';
export { type ApiInput, type ApiRoute, defineRoute } from './extension/api-route.ts';
export {
  type Authentication,
  type Authenticator,
  type Authorization,
  type Authorizer,
  type Decision,
  defineExtension,
  type Extension,
  type ExtensionHost,
  type HealthCheck,
  type Identities,
  type Observer,
  type Parts,
  type Subject,
  type Task,
  type Vetoes,
} from './extension/contract.ts';
export type { EventSink, NewEvent, StoreEvent } from './extension/events.ts';
export { extensionKey } from './extension/keyspace.ts';
export type { Judgement, NotedFacts, Recorder, RequestRecord } from './extension/recorder.ts';
export type {
  Operation,
  Protocol,
  Reply,
  ReplyBody,
  RequestBody,
  RequestContext,
  RequestHead,
} from './http/protocol.ts';
export { decodeKey, type KeyPart } from './metadata/keys.ts';
export type { Entry, Key, MetadataStore } from './metadata/metadata-store.ts';
export { type RecordCodec, recordCodec } from './metadata/record.ts';
export { Transaction, transact } from './metadata/transaction.ts';
export type { Registry } from './registry/registry.ts';
