import type { CatalogueInstance } from '@atone/protocol';

/** An instance that takes requests. */
export type HttpInstance = CatalogueInstance & { readonly baseUrl: string };

/** Tells whether the instance takes requests, and not records alone. */
export function isReachable(instance: CatalogueInstance): instance is HttpInstance {
  return instance.baseUrl !== undefined;
}

/** Where a request goes. The path is as it is sent, and as it is signed. */
export interface Address {
  readonly origin: string;
  readonly path: string;
}

/** Returns the address of `path` below a base URL, which may have a path of its own. */
export function addressOf(baseUrl: string, path: string): Address {
  const base = new URL(baseUrl);
  const prefix = base.pathname.endsWith('/') ? base.pathname.slice(0, -1) : base.pathname;
  const url = new URL(`${base.origin}${prefix}${path}`);
  return { origin: url.origin, path: url.pathname };
}
