import { foreignCaller } from '@atone/protocol';
import type { FastifyInstance } from 'fastify';
import { RequestError } from './request.error.js';

/**
 * Has a server that demands no token refuse what a web page from elsewhere may have sent, before the body is read.
 *
 * That it listens at a loopback address keeps other machines out, but not the pages in a browser on this one.
 */
export function demandLocalCaller(server: FastifyInstance): void {
  server.addHook('onRequest', ({ headers }, _reply, done) => {
    const why = foreignCaller(headers);
    done(why === undefined ? undefined : refusal(why));
  });
}

function refusal(why: string): RequestError {
  return new RequestError(
    'FORBIDDEN',
    `The request is refused: ${why}. Without an API token this coordinator answers only who asks for localhost or ` +
      'its loopback address. Use http://localhost, or configure ATONE_API_TOKEN.',
    { headers: { connection: 'close' } },
  );
}
