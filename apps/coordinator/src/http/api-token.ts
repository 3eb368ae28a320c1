import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { RequestError } from './request.error.js';

/** What may be asked without a token. Everything else is closed, so that a new route cannot be forgotten. */
export const OPEN_PATHS: ReadonlySet<string> = new Set(['/health/live', '/health/ready']);

const BEARER = /^Bearer +(\S+)$/iu;

/**
 * Has the server refuse requests without the token, before their body is read.
 *
 * A hook rather than a guard of Nest: it also stands before routes that Nest does not know of, and before unknown ones.
 */
export function demandToken(server: FastifyInstance, token: string): void {
  const expected = digest(token);
  server.addHook('onRequest', (request, _reply, done) => {
    const isOpen = OPEN_PATHS.has(request.routeOptions.url ?? '');
    done(isOpen ? undefined : refusalOf(request.headers.authorization, expected));
  });
}

function refusalOf(authorization: string | undefined, expected: Buffer): RequestError | undefined {
  const [, presented] = BEARER.exec(authorization ?? '') ?? [];
  if (presented === undefined) {
    return refusal('This coordinator demands an API token: send it as authorization: Bearer <token>.');
  }
  // Of equal length by the digest, so that the time it takes tells nothing.
  return timingSafeEqual(digest(presented), expected)
    ? undefined
    : refusal('The API token is not the one of this coordinator.');
}

function refusal(message: string): RequestError {
  return new RequestError('UNAUTHORIZED', message, {
    // What a caller without the token still has to send is not waited for.
    headers: { 'www-authenticate': 'Bearer realm="atone"', connection: 'close' },
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
