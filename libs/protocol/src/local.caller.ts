const LOCAL_NAME = String.raw`(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?`;
const LOCAL_HOST = new RegExp(`^${LOCAL_NAME}$`, 'iu');
const LOCAL_ORIGIN = new RegExp(`^https?://${LOCAL_NAME}$`, 'iu');

/** What a server looks at to tell whether a browser was led to it. */
export interface CallerHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

/**
 * Returns what in the headers shows that a caller may not mean this machine, as words for a message; undefined if
 * nothing does.
 *
 * A server that trusts its own machine has to ask: a web page from anywhere can have its name resolve to 127.0.0.1, and
 * its requests then come from the machine of whoever looks at it. They still carry the name in `host`.
 */
export function foreignCaller({ host, origin }: CallerHeaders): string | undefined {
  if (host === undefined || !LOCAL_HOST.test(host)) {
    return host === undefined ? 'it has no host header' : `its host header is '${host}'`;
  }
  if (origin !== undefined && !LOCAL_ORIGIN.test(origin)) {
    return `it comes from a page of '${origin}'`;
  }
  return undefined;
}
