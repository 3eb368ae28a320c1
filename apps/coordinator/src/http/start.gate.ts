import type { FastifyInstance } from 'fastify';
import type { CoordinatorLifecycle } from '../coordinator.lifecycle.js';
import { OPEN_PATHS } from './api-token.js';
import { RequestError } from './request.error.js';

/**
 * Has the server refuse everything but the questions about its health until the coordinator runs: it listens before it takes part in
 * anything, so that one whose port is taken disturbs nobody.
 */
export function refuseUntilStarted(
  server: FastifyInstance,
  lifecycle: Pick<CoordinatorLifecycle, 'isStarting' | 'unreadiness'>,
): void {
  server.addHook('onRequest', (request, _reply, done) => {
    const isOpen = !lifecycle.isStarting || OPEN_PATHS.has(request.routeOptions.url ?? '');
    const why = isOpen ? undefined : lifecycle.unreadiness;
    done(why && new RequestError(why.code, why.reason));
  });
}
