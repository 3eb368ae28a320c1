import { runInFrame } from '../branch.context.js';
import { AnswerGate, sendProblem, type ResponseLike } from './answer.gate.js';
import { openRequest, type InboundOptions } from './inbound.js';
import type { InboundHeaders } from './http.context.js';
import type { LedPorts } from './led.frame.js';

/** What is needed of a request of Express, or of plain Node. */
export interface RequestLike {
  readonly headers: InboundHeaders;
}

export type Middleware = (request: RequestLike, response: ResponseLike, next: () => void) => void;

/** Returns the middleware over `ports`. */
export function createMiddleware(options: InboundOptions, ports: LedPorts): Middleware {
  return (request, response, next) => {
    const { frame, problem } = openRequest(request.headers, ports);
    if (problem !== undefined) {
      sendProblem(response, problem);
      return;
    }
    if (frame === undefined) {
      next();
      return;
    }
    new AnswerGate(response, frame, options).install();
    runInFrame(frame, next);
  };
}
