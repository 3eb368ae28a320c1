import type { Problem } from '@atone/protocol';
import { runInFrame } from '../branch.context.js';
import { endAnswer, openRequest, type AnswerEnd, type InboundOptions } from './inbound.js';
import type { InboundHeaders } from './http.context.js';
import type { LedFrame, LedPorts } from './led.frame.js';

/** What is needed of a request of Express, or of plain Node. */
export interface RequestLike {
  readonly headers: InboundHeaders;
}

type Method = (...given: never[]) => unknown;

/** What is needed of its response. */
interface ResponseLike {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  getHeaderNames(): string[];
  removeHeader(name: string): unknown;
  once(event: 'close', listener: () => void): unknown;
  writeHead: Method;
  write: Method;
  end: Method;
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

type GateState = 'closed' | 'registering' | 'open' | 'replaced';

/** Stands between a handler and its response: nothing leaves before the run has ended and the list is in the headers. */
class AnswerGate {
  readonly #original: Pick<ResponseLike, 'writeHead' | 'write' | 'end'>;
  readonly #held: (() => void)[] = [];
  #state: GateState = 'closed';

  constructor(
    private readonly response: ResponseLike,
    private readonly frame: LedFrame,
    private readonly options: InboundOptions,
  ) {
    const { writeHead, write, end } = response;
    this.#original = { writeHead, write, end };
  }

  install(): void {
    this.#stepIn();
    this.response.once('close', () => void this.frame.scope.close());
  }

  #stepIn(): void {
    const { response } = this;
    for (const name of ['writeHead', 'write', 'end'] as const) {
      response[name] = (...given: unknown[]) => this.#pass(name, given);
    }
  }

  #pass(name: 'writeHead' | 'write' | 'end', given: readonly unknown[]): unknown {
    if (this.#state === 'closed') {
      const [status] = given;
      this.#open(name === 'writeHead' && typeof status === 'number' ? status : this.response.statusCode);
    }
    const call = (): unknown => Reflect.apply(this.#original[name], this.response, given);
    switch (this.#currentState()) {
      case 'open':
        return call();
      case 'registering':
        this.#held.push(call);
        return name === 'write' ? true : this.response;
      case 'closed':
      case 'replaced':
        return name === 'write' ? true : this.response;
    }
  }

  #currentState(): GateState {
    return this.#state;
  }

  #open(status: number): void {
    this.#apply(endAnswer(this.frame, status, this.options));
  }

  #apply(end: AnswerEnd): void {
    switch (end.how) {
      case 'send':
        this.#state = 'open';
        for (const [name, value] of Object.entries(end.headers)) {
          this.response.setHeader(name, value);
        }
        this.#held.splice(0).forEach((call) => call());
        return;
      case 'replace':
        this.#state = 'replaced';
        Object.assign(this.response, this.#original);
        sendProblem(this.response, end.problem);
        // What the handler writes after that is no part of the answer.
        this.#stepIn();
        return;
      case 'register':
        this.#state = 'registering';
        void end.registered.then((registered) => this.#apply(registered));
    }
  }
}

function sendProblem(response: ResponseLike, problem: Problem): void {
  for (const name of response.getHeaderNames()) {
    // Of the answer that it replaces nothing is left but what belongs to the connection.
    if (/^(?:content-|transfer-encoding|etag|last-modified|cache-control)/iu.test(name)) {
      response.removeHeader(name);
    }
  }
  response.statusCode = problem.status;
  response.setHeader('content-type', 'application/problem+json');
  (response.end as (text: string) => unknown).call(response, JSON.stringify(problem));
}
