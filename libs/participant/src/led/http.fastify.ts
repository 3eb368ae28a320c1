import { runInFrame } from '../branch.context.js';
import { AnswerGate, type ResponseLike } from './answer.gate.js';
import { endAnswer, openRequest, type AnswerEnd, type InboundOptions } from './inbound.js';
import type { RequestLike } from './http.express.js';
import type { LedFrame, LedPorts } from './led.frame.js';

/** What is needed of a reply of Fastify. */
interface ReplyLike {
  readonly raw: ResponseLike;
  readonly statusCode: number;
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  removeHeader(name: string): unknown;
  send(payload: unknown): unknown;
}

type Done = (error?: Error | null) => void;
type EntryHook = (request: RequestLike, reply: ReplyLike, done: Done) => void;

/** What is needed of Fastify, in the words of its types. */
interface FastifyLike {
  addHook(name: 'onRequest' | 'preValidation' | 'preHandler', hook: EntryHook): unknown;
  addHook(
    name: 'onSend',
    hook: (request: RequestLike, reply: ReplyLike, payload: unknown) => Promise<unknown>,
  ): unknown;
  addHook(name: 'onResponse', hook: EntryHook): unknown;
}

export type FastifyPluginLike = (fastify: FastifyLike, options: object, done: () => void) => void;

/** Returns the plugin over `ports`. It holds for all routes of the instance that it is registered at. */
export function createFastifyPlugin(options: InboundOptions, ports: LedPorts): FastifyPluginLike {
  const requests = new RequestFrames(options, ports);
  const plugin: FastifyPluginLike = (fastify, _options, done) => {
    fastify.addHook('onRequest', (request, reply, next) => requests.open(request, reply, next));
    // What reads the body calls back from the connection, where the context is another one.
    fastify.addHook('preValidation', (request, _reply, next) => requests.enter(request, next));
    fastify.addHook('preHandler', (request, _reply, next) => requests.enter(request, next));
    fastify.addHook('onSend', (request, reply, payload) => requests.end(request, reply, payload));
    fastify.addHook('onResponse', (request, _reply, next) => requests.close(request, next));
    done();
  };
  // Else the hooks would hold for this plugin's own routes, of which there are none.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

/** The runs of the requests that are under way. */
class RequestFrames {
  readonly #frames = new WeakMap<object, LedFrame>();

  constructor(
    private readonly options: InboundOptions,
    private readonly ports: LedPorts,
  ) {}

  open(request: RequestLike, reply: ReplyLike, next: Done): void {
    const { frame, problem } = openRequest(request.headers, this.ports);
    if (problem !== undefined) {
      reply.code(problem.status);
      reply.header('content-type', 'application/problem+json');
      reply.send(JSON.stringify(problem));
      return;
    }
    if (frame !== undefined) {
      this.#frames.set(request, frame);
      // For handlers that answer past Fastify, by `reply.raw` or `reply.hijack()`.
      new AnswerGate(reply.raw, frame, this.options).install();
    }
    runInFrame(frame, next);
  }

  enter(request: RequestLike, next: Done): void {
    runInFrame(this.#frames.get(request), next);
  }

  async end(request: RequestLike, reply: ReplyLike, payload: unknown): Promise<unknown> {
    const frame = this.#frames.get(request);
    // A second answer, after the first one failed on its way, finds the run over.
    if (frame === undefined || frame.scope.isOver) {
      return payload;
    }
    return answerOf(endAnswer(frame, reply.statusCode, this.options), reply, payload);
  }

  close(request: RequestLike, next: Done): void {
    this.#frames.get(request)?.scope.close();
    next();
  }
}

async function answerOf(end: AnswerEnd, reply: ReplyLike, payload: unknown): Promise<unknown> {
  switch (end.how) {
    case 'register':
      return answerOf(await end.registered, reply, payload);
    case 'send':
      for (const [name, value] of Object.entries(end.headers)) {
        reply.header(name, value);
      }
      return payload;
    case 'replace':
      reply.code(end.problem.status);
      reply.header('content-type', 'application/problem+json');
      reply.removeHeader('content-length');
      return JSON.stringify(end.problem);
  }
}
