export * from './descriptor.ts';
export * from './digest.ts';
export * from './media-types.ts';
export * from './names.ts';
export * from './store-error.ts';
