import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { problemAnswer } from './problem.document.js';
import { RequestError } from './request.error.js';
import type { RouteTable } from './route.table.js';

/** Answers every error, whoever threw it, with a problem document (RFC 9457). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly routes: RouteTable,
    private readonly logger: Logger,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    this.answer(this.withMethods(error, request), request, http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const path = pathOf(request);
    const { problem, headers, isOurs } = problemAnswer(error, path);
    if (isOurs) {
      this.logger.error({ method: request.method, path, code: problem.code, error }, 'request failed');
    }
    void reply
      .code(problem.status)
      .headers(headers)
      .header('content-type', 'application/problem+json; charset=utf-8')
      .serializer(JSON.stringify)
      .send(problem);
  }

  /** A path that is known by another method is not missing: the caller is told which ones it has. */
  private withMethods(error: unknown, request: FastifyRequest): unknown {
    if (!(error instanceof HttpException) || error.getStatus() !== 404) {
      return error;
    }
    const path = pathOf(request);
    const methods = this.routes.methodsOf(path);
    if (methods.length === 0 || methods.includes(request.method)) {
      const hint = path.endsWith('/')
        ? 'Leave out the slash at its end.'
        : 'The API is described at /openapi.json.';
      return new RequestError('NOT_FOUND', `There is nothing at ${path}. ${hint}`);
    }
    return new RequestError(
      'METHOD_NOT_ALLOWED',
      `${path} takes ${methods.join(', ')}, not ${request.method}.`,
      {
        headers: { allow: methods.join(', ') },
      },
    );
  }
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/';
}
