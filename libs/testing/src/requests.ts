import type { HttpRequest, HttpResponse } from '@atone/participant';
import type { DecisionRequest, Doubt } from '@atone/protocol';
import { NEVER } from './coordinator.process.js';
import type { Initiator } from './initiator.js';
import type { LedRequest, RequestFate } from './message.js';

export interface RequestParts {
  /** Has the coordinator answer, while time passes. */
  readonly answer: (request: HttpRequest) => Promise<HttpResponse>;
  /** Who asks; undefined where that is a participant. */
  readonly initiator: () => Initiator | undefined;
  readonly fateOf: (request: LedRequest) => RequestFate;
  /** Delivers something when nothing else comes any more. */
  readonly later: (deliver: () => void) => void;
  /** Lets time pass until the answer is there. */
  readonly during: <Answer>(answer: Promise<Answer>) => Promise<Answer>;
}

/** Brings requests to the coordinator, and answers back, and has happen to those of led transactions what the tap wants. */
export class Requests {
  constructor(private readonly parts: RequestParts) {}

  async send(request: HttpRequest): Promise<HttpResponse> {
    const initiator = this.parts.initiator();
    if (initiator?.isDead === true) {
      return NEVER;
    }
    const led = ledRequestOf(request, initiator);
    switch (led === undefined ? 'passes' : this.parts.fateOf(led)) {
      case 'passes':
        return this.answer(request, initiator);
      case 'lost':
        throw brokenConnection();
      case 'answer-lost':
        await this.answer(request, initiator);
        throw brokenConnection();
      case 'twice':
        await this.answer(request, initiator);
        return this.answer(request, initiator);
      case 'late':
        this.parts.later(() => this.deliver(request));
        return die(initiator);
      case 'sender-dies-before':
        return die(initiator);
      case 'sender-dies-after':
        this.deliver(request);
        return die(initiator);
    }
  }

  /** Who died while it waited is not told. */
  private async answer(request: HttpRequest, initiator: Initiator | undefined): Promise<HttpResponse> {
    const answer = this.parts.answer(request);
    if (initiator === undefined) {
      return this.parts.during(answer);
    }
    const first = await this.parts.during(Promise.race([answer, initiator.death]));
    return first ?? NEVER;
  }

  /** Whether it is answered is nobody's concern any more. */
  private deliver(request: HttpRequest): void {
    this.parts.during(this.parts.answer(request)).catch(() => undefined);
  }
}

function die(initiator: Initiator | undefined): Promise<never> {
  initiator?.die();
  return NEVER;
}

function brokenConnection(): Error {
  return new Error('The connection broke, because the test wants it.');
}

/** Returns what led transactions rely on: no look-ups, and no notices. */
function ledRequestOf(
  { method, url, body = '' }: HttpRequest,
  initiator: Initiator | undefined,
): LedRequest | undefined {
  const from = initiator === undefined ? 'participant' : 'initiator';
  const path = new URL(url).pathname;
  if (method === 'PUT' && path.endsWith('/decision')) {
    const { to, name } = JSON.parse(body) as DecisionRequest;
    return { name: `${to} of ${name}`, from };
  }
  if (method === 'POST' && path.endsWith('/transactions/doubts')) {
    const { doubts } = JSON.parse(body) as { doubts: readonly Doubt[] };
    return { name: `question of ${doubts[0]?.service ?? 'nobody'}`, from };
  }
  return method === 'POST' && path.endsWith('/branches') ? { name: 'registration', from } : undefined;
}
