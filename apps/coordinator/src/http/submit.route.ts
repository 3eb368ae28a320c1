import { submissionSchema } from '@atone/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { checkedArgument } from './argument.check.js';
import type { ProblemFilter } from './problem.filter.js';
import { waitQuerySchema } from './request.schemas.js';
import type { TransactionsController } from './transactions.controller.js';

const METHOD = 'POST';
const PATH = '/v1/transactions';

/**
 * Has submissions go from the server to the controller without what Nest puts between: the promises of its pipes and interceptors
 * cost as much as all else that the server does for one. The route stays as Nest declares it, and so do the hooks before it; arguments
 * are checked alike, and errors answered by the same filter.
 *
 * To be called before Nest declares its routes.
 */
export function submitDirectly(
  server: FastifyInstance,
  parts: { readonly controller: TransactionsController; readonly filter: ProblemFilter },
): void {
  server.addHook('onRoute', (route) => {
    if (route.method === METHOD && route.url === PATH) {
      route.handler = (request, reply) => submit(parts, request, reply);
    }
  });
}

async function submit(
  { controller, filter }: Parameters<typeof submitDirectly>[1],
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  try {
    const submission = checkedArgument({ schema: submissionSchema, value: request.body, place: 'body' });
    const query = checkedArgument({ schema: waitQuerySchema, value: request.query, place: 'names' });
    void reply.send(await controller.submit(submission, query, reply));
  } catch (error) {
    filter.answer(error, request, reply);
  }
}
