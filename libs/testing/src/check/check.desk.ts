import { randomBytes } from 'node:crypto';
import { mintGid, type BranchReply, type Json } from '@atone/core';
import type { Clock } from '@atone/engine';
import type { BranchCommand, CatalogueInstance, SigningKey } from '@atone/protocol';
import { HttpTransport } from '@atone/transport-http';

/** What is checked: an endpoint for batches of commands, or two URLs for one action. */
export type CheckedEndpoint =
  | {
      readonly kind: 'library';
      readonly url: string;
      readonly service: string;
      readonly action: string;
      /** Whether its action takes part in led transactions. Default: no. */
      readonly isLed?: boolean | undefined;
    }
  | {
      readonly kind: 'plain';
      readonly url: string;
      readonly path: string;
      /** Absent for an action that cannot be undone. */
      readonly compensatePath?: string | undefined;
      /** Absent for an action that is no try. */
      readonly confirmPath?: string | undefined;
    };

/** How a participant is checked. */
export interface CheckOptions {
  readonly endpoint: CheckedEndpoint;
  /** An input that the action accepts, however often it comes. */
  readonly input: Json;
  /** Another one, by which the answer to a repeat with a changed input is checked. */
  readonly otherInput?: Json | undefined;
  /** One that the action refuses for business reasons. */
  readonly refusedInput?: Json | undefined;
  /** The secret that it shares with its coordinator. */
  readonly signingKey?: SigningKey | undefined;
  /** Returns how many effects stand at the moment: what was done and not undone. From outside nobody sees them. */
  readonly countEffects?: (() => Promise<number>) | undefined;
  /** How long an answer is waited for. Default: 10 s. */
  readonly timeoutMs?: number | undefined;
}

/** The effects could not be counted, so the check ended without a result. */
export class EffectCountError extends Error {
  override readonly name = 'EffectCountError';

  constructor(cause: unknown) {
    super(`The effects could not be counted: ${reasonOf(cause)}.`, { cause });
  }
}

/** A branch that is made up for one check. */
export interface CheckedBranch {
  readonly gid: string;
  readonly attempts: Map<string, number>;
}

type Op = BranchCommand['op'];

/** How a command differs from the usual. */
export interface Asking {
  readonly input?: Json | undefined;
  readonly round?: number | undefined;
  readonly action?: string | undefined;
  /** What the action answered, for the end at a plain endpoint. */
  readonly output?: Json | undefined;
  /** Whether it is part of a led transaction. */
  readonly isLed?: boolean | undefined;
  /** Which row of the barrier is meant. */
  readonly nonce?: string | undefined;
}

const TIMEOUT_MS = 10_000;
const NOT_YET_COUNT_MAX = 20;

/** How another coordinator signs. Default: as it should. */
export interface Signing {
  readonly key: SigningKey | undefined;
  /** How far its clock is ahead. */
  readonly aheadMs?: number | undefined;
}

/** Does `work` at the desk of another coordinator. */
export async function atAnotherDesk<Result>(
  { options }: CheckDesk,
  work: (desk: CheckDesk) => Promise<Result>,
  signing?: Signing,
): Promise<Result> {
  const desk = new CheckDesk(options, signing);
  try {
    return await work(desk);
  } finally {
    await desk.close();
  }
}

/** Sends commands as the coordinator does, by its own transport, and waits for the replies. */
export class CheckDesk {
  private readonly waiting = new Map<string, (reply: BranchReply) => void>();
  private readonly transport: HttpTransport;

  constructor(
    readonly options: CheckOptions,
    signing: Signing = { key: options.signingKey },
  ) {
    const instance = instanceOf(options.endpoint);
    this.transport = new HttpTransport({
      catalogue: { instancesOf: () => [instance] },
      clock: systemClock(signing.aheadMs),
      random: { next: () => Math.random(), bytes: randomBytes },
      signingKey: signing.key,
    });
    this.transport.onReply((envelope) => {
      this.waiting.get(keyOf(envelope))?.(envelope.reply);
    });
  }

  newBranch(): CheckedBranch {
    const gid = mintGid(Date.now(), 0, { next: () => Math.random(), bytes: randomBytes });
    return { gid, attempts: new Map() };
  }

  /** Asks for an op, each time as a further attempt, until the answer is not "not yet". */
  async ask(branch: CheckedBranch, op: Op, asking: Asking = {}): Promise<BranchReply> {
    for (let count = 1; ; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- each question follows from the answer before.
      const reply = await this.askOnce(branch, op, asking);
      if (reply.outcome !== 'not-yet' || count === NOT_YET_COUNT_MAX) {
        return reply;
      }
      // oxlint-disable-next-line no-await-in-loop
      await pause(reply.retryAfterMs);
    }
  }

  /** Does `work`, and tells by how many effects there are more after it; undefined where nobody counts. */
  async effectsOf(
    work: () => Promise<readonly BranchReply[]>,
  ): Promise<{ readonly replies: readonly BranchReply[]; readonly effectCount: number | undefined }> {
    const before = await this.count();
    const replies = await work();
    const after = await this.count();
    return { replies, effectCount: before === undefined || after === undefined ? undefined : after - before };
  }

  async close(): Promise<void> {
    await this.transport.close();
  }

  private async count(): Promise<number | undefined> {
    try {
      return await this.options.countEffects?.();
    } catch (cause) {
      throw new EffectCountError(cause);
    }
  }

  private askOnce(branch: CheckedBranch, op: Op, asking: Asking): Promise<BranchReply> {
    const { endpoint, input, timeoutMs = TIMEOUT_MS } = this.options;
    const { round = 1 } = asking;
    const attempt = (branch.attempts.get(`${op} ${round}`) ?? 0) + 1;
    branch.attempts.set(`${op} ${round}`, attempt);
    const command: BranchCommand = {
      gid: branch.gid,
      branchId: 'check',
      op,
      round,
      attempt,
      service: endpoint.kind === 'library' ? endpoint.service : PLAIN_SERVICE,
      action: asking.action ?? actionOf(endpoint),
      ...(op === 'action' || endpoint.kind === 'plain' ? { input: asking.input ?? input } : {}),
      ...(op === 'action' ? {} : { reason: 'a check of the participant', output: asking.output }),
      ...ledPartOf(asking),
      issuedAt: Date.now(),
    };
    return this.reply(command, timeoutMs);
  }

  private async reply(command: BranchCommand, timeoutMs: number): Promise<BranchReply> {
    const key = keyOf(command);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve) => {
        timer = setTimeout(() => resolve(silence(timeoutMs)), timeoutMs + GRACE_MS);
        this.waiting.set(key, resolve);
        this.transport.send(command, timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      this.waiting.delete(key);
    }
  }
}

/** The transport itself gives up a little before, and knows more about why. */
const GRACE_MS = 1_000;

function silence(timeoutMs: number): BranchReply {
  return {
    outcome: 'unknown',
    error: { class: 'timeout', message: `No answer came within ${timeoutMs} ms.` },
  };
}

/** Who leads the transactions of the check. */
const LED = { secretHash: 'c'.repeat(64), epoch: 1, initiator: 'participant-check' } as const;
const LED_MS = 600_000;

function ledPartOf({ isLed, nonce }: Asking): Partial<BranchCommand> {
  return {
    ...(isLed === true ? { led: LED, remainingMs: LED_MS } : {}),
    ...(nonce === undefined ? {} : { nonce }),
  };
}

const PLAIN_SERVICE = 'checked';
const PLAIN_ACTION = 'action';

function actionOf(endpoint: CheckedEndpoint): string {
  return endpoint.kind === 'library' ? endpoint.action : PLAIN_ACTION;
}

function instanceOf(endpoint: CheckedEndpoint): CatalogueInstance {
  const common = { instance: 'checked', protocol: 1, registeredAt: Date.now(), seenAt: Date.now() } as const;
  if (endpoint.kind === 'library') {
    const { url, service, action } = endpoint;
    const actions = [{ name: action, hasCompensation: true }];
    return { ...common, kind: 'library', baseUrl: url, service, actions };
  }
  const { url, path, compensatePath, confirmPath } = endpoint;
  const hasCompensation = compensatePath !== undefined;
  const actions = [
    {
      name: PLAIN_ACTION,
      hasCompensation,
      path,
      ...(hasCompensation ? { compensatePath } : {}),
      ...(confirmPath === undefined ? {} : { kind: 'tcc' as const, confirmPath }),
    },
  ];
  return { ...common, kind: 'plain', baseUrl: url, service: PLAIN_SERVICE, actions };
}

/** The clock of this machine, or one that is `aheadMs` ahead of it. */
function systemClock(aheadMs = 0): Clock {
  return {
    now: () => Date.now() + aheadMs,
    setTimer: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
    synchronize: () => undefined,
  };
}

function keyOf({ gid, op, round, attempt }: Pick<BranchCommand, 'gid' | 'op' | 'round' | 'attempt'>): string {
  return `${gid} ${op} ${round} ${attempt}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** `fetch` keeps the reason one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const { message, cause } = error;
  return `${message}${cause instanceof Error ? `: ${cause.message}` : ''}`.replace(/\.$/u, '');
}
