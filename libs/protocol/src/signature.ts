import { createHmac, timingSafeEqual } from 'node:crypto';

/** A shared secret and the name by which the other side finds it, so that secrets can be rotated. */
export interface SigningKey {
  readonly keyId: string;
  readonly secret: string;
}

/** What a signature covers: a change of any part makes it void. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export type SignatureCheck = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** How far the signer's clock and ours may be apart, and how old a signature may be, if nothing else is said. */
export const SIGNATURE_AGE_MAX_MS = 5 * 60_000;

const SIGNATURE = /^alg=hmac-sha256;kid=([A-Za-z0-9._-]{1,64});t=(\d{1,15});sig=([0-9a-f]{64})$/u;

/** Returns the value of the signature header. The algorithm is named in it, so that another can follow. */
export function signRequest(request: SignedRequest, key: SigningKey, nowMs: number): string {
  return `alg=hmac-sha256;kid=${key.keyId};t=${nowMs};sig=${digest(request, key, nowMs).toString('hex')}`;
}

/** Tells whether `header` is a fresh signature of `request` by one of `keys`, and if not, why. */
export function checkSignature(
  request: SignedRequest,
  header: string | undefined,
  trust: {
    readonly keys: readonly SigningKey[];
    readonly nowMs: number;
    readonly ageMaxMs?: number | undefined;
  },
): SignatureCheck {
  const match = SIGNATURE.exec(header ?? '');
  if (match === null) {
    return {
      ok: false,
      why: header === undefined ? 'the signature is missing' : 'the signature is malformed',
    };
  }
  const [, keyId, time, signature] = match;
  const key = trust.keys.find((candidate) => candidate.keyId === keyId);
  if (key === undefined) {
    return { ok: false, why: `the key id '${keyId ?? ''}' is not known here` };
  }
  const signedAt = Number(time);
  if (!timingSafeEqual(digest(request, key, signedAt), Buffer.from(signature ?? '', 'hex'))) {
    return { ok: false, why: 'the signature does not match the request' };
  }
  return Math.abs(trust.nowMs - signedAt) > (trust.ageMaxMs ?? SIGNATURE_AGE_MAX_MS)
    ? { ok: false, why: 'the signature is too old, or the clocks are apart' }
    : { ok: true };
}

function digest(request: SignedRequest, key: SigningKey, time: number): Buffer {
  const { method, path, body } = request;
  return createHmac('sha256', key.secret)
    .update(`${method.toUpperCase()}\n${path}\n${time}\n`)
    .update(body)
    .digest();
}
