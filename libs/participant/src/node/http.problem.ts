import type { ServerResponse } from 'node:http';
import type { ErrorCode, FieldProblem, Problem } from '@atone/protocol';

/** What is wrong with a request, before anything of it is carried out. */
export interface Rejection {
  readonly status: number;
  readonly code: ErrorCode;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown for a request that is not carried out. */
export class RequestRejected extends Error {
  override readonly name = 'RequestRejected';

  constructor(readonly rejection: Rejection) {
    super(rejection.detail);
  }
}

/** Answers with a problem document. The connection ends with it: some of the request may be unread. */
export function sendProblem(response: ServerResponse, rejection: Rejection): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, code, title, detail, errors, headers } = rejection;
  const problem: Problem = {
    type: `urn:atone:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail,
    code,
    ...(errors && { errors }),
  };
  response.writeHead(status, { 'content-type': 'application/problem+json', connection: 'close', ...headers });
  response.end(JSON.stringify(problem));
}
