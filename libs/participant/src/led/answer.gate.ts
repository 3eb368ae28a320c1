import type { Problem } from '@atone/protocol';
import { endAnswer, type AnswerEnd, type InboundOptions } from './inbound.js';
import type { LedFrame } from './led.frame.js';

type Method = (...given: never[]) => unknown;

/** What is needed of a response of Node. */
export interface ResponseLike {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  getHeaderNames(): string[];
  removeHeader(name: string): unknown;
  once(event: 'close', listener: () => void): unknown;
  writeHead: Method;
  write: Method;
  end: Method;
  destroy(): unknown;
}

/** A call of the response that waits until it is known what the headers say. */
interface HeldCall {
  readonly name: 'writeHead' | 'write' | 'end';
  readonly call: () => unknown;
}

type GateState = 'closed' | 'registering' | 'open' | 'replaced';

/** Stands between a handler and its response: nothing leaves before the run has ended and the list is in the headers. */
export class AnswerGate {
  readonly #original: Pick<ResponseLike, 'writeHead' | 'write' | 'end'>;
  readonly #held: HeldCall[] = [];
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
    if (this.#state === 'closed' && this.frame.scope.isOver) {
      // Whoever answers in another way than through this response has ended the run already.
      this.#state = 'open';
    }
    if (this.#state === 'closed') {
      const [status] = given;
      this.#open(name === 'writeHead' && typeof status === 'number' ? status : this.response.statusCode);
    }
    const call = (): unknown => Reflect.apply(this.#original[name], this.response, given);
    switch (this.#currentState()) {
      case 'open':
        return call();
      case 'registering':
        this.#held.push({ name, call });
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
        this.#letGo();
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
        void end.registered
          .then((registered) => this.#apply(registered))
          // There is nobody left who could be told in another way.
          .catch(() => this.response.destroy());
    }
  }

  /** A handler that fails after its answer answers once more; only the first answer counts. */
  #letGo(): void {
    const held = this.#held.splice(0);
    const end = held.findIndex(({ name }) => name === 'end');
    for (const { call } of end === -1 ? held : held.slice(0, end + 1)) {
      call();
    }
  }
}

/** Answers with `problem` in place of whatever the answer was to be. */
export function sendProblem(response: ResponseLike, problem: Problem): void {
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
