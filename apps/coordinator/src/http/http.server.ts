import type { Socket } from 'node:net';
import { HEADERS, PROTOCOL_VERSION } from '@atone/protocol';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Configuration } from '../configuration.js';
import { demandToken } from './api-token.js';
import { BODY_BYTES_MAX, parseJsonBodies } from './json.body.js';
import { demandLocalCaller } from './local.caller.js';
import { problemAnswer } from './problem.document.js';
import { ProblemFilter } from './problem.filter.js';
import { RequestError } from './request.error.js';
import { RouteTable } from './route.table.js';

/** Room for the longest branch id in its percent-encoded form. */
const PARAM_LENGTH_MAX = 1_024;

/**
 * How long a request may take to arrive, not its answer. Node compares every 30 s; and unless the first is the shorter
 * one, it takes the one for the other.
 */
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 30_000;

const IDLE_CHECK_MS = 50;

/** How long those who are being answered have, once the server closes. Waits for outcomes are over by then. */
const CLOSE_MS_MAX = 2_000;

/** Returns the server below Nest, and the filter that answers the errors of both. */
export function createHttpServer(
  configuration: Configuration,
  logger: Logger,
): { adapter: FastifyAdapter; filter: ProblemFilter; routes: RouteTable } {
  const routes = new RouteTable();
  const filter = new ProblemFilter(routes, logger);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    http: { headersTimeout: HEADERS_MS_MAX },
    // While it closes, what comes on open connections is still answered in our own words.
    return503OnClosing: false,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    clientErrorHandler: refuseConnection,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      filter.answer(error, request, reply);
    },
  });
  const server = adapter.getInstance<FastifyInstance>();
  routes.watch(server);
  tellProtocol(server);
  if (configuration.apiToken === undefined) {
    demandLocalCaller(server);
  } else {
    demandToken(server, configuration.apiToken);
  }
  parseJsonBodies(server);
  boundClosing(server);
  return { adapter, filter, routes };
}

/** By this header, on refusals too, a caller can tell a coordinator from whatever else may answer at its URL. */
function tellProtocol(server: FastifyInstance): void {
  const version = String(PROTOCOL_VERSION);
  server.addHook('onRequest', (_request, reply, done) => {
    reply.header(HEADERS.protocol, version);
    done();
  });
}

/**
 * Closing a server ends the connections that are idle at that moment. One whose answer comes a little later stays for
 * as long as its client likes, as does one that never asked anything; and what is driven here is handed over only after
 * them.
 */
function boundClosing(server: FastifyInstance): void {
  server.addHook('preClose', (done) => {
    const letGo = setInterval(() => {
      server.server.closeIdleConnections();
    }, IDLE_CHECK_MS).unref();
    const cutOff = setTimeout(() => {
      server.server.closeAllConnections();
    }, CLOSE_MS_MAX).unref();
    server.server.once('close', () => {
      clearInterval(letGo);
      clearTimeout(cutOff);
    });
    done();
  });
}

/** Answers octets that are no HTTP request, or no whole one in time. There is no request to answer then, only a connection. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = new RequestError(
    'BAD_REQUEST',
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? `The request did not arrive within ${REQUEST_MS_MAX / 1_000} s, or its headers within ${HEADERS_MS_MAX / 1_000} s.`
      : 'What was sent is not an HTTP request that can be read.',
  );
  const body = JSON.stringify(problemAnswer(refusal, '/').problem);
  socket.end(
    [
      'HTTP/1.1 400 Bad Request',
      'connection: close',
      `${HEADERS.protocol}: ${PROTOCOL_VERSION}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
