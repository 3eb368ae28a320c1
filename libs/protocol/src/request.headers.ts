import { HEADERS } from './headers.js';
import { signRequest, type SigningKey } from './signature.js';
import { PROTOCOL_VERSION } from './version.js';

/** Returns the headers that each POST to a participant carries, signed when there is a key. */
export function requestHeaders(
  request: { readonly path: string; readonly body: string; readonly lane: string | undefined },
  key: SigningKey | undefined,
  nowMs: number,
): Record<string, string> {
  const { path, body, lane } = request;
  return {
    'content-type': 'application/json',
    [HEADERS.protocol]: String(PROTOCOL_VERSION),
    ...(lane === undefined ? {} : { [HEADERS.lane]: lane }),
    ...(key === undefined
      ? {}
      : { [HEADERS.signature]: signRequest({ method: 'POST', path, body }, key, nowMs) }),
  };
}
