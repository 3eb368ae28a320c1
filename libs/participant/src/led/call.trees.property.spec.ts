import type { BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { isRefusal } from '../branch.failure.js';
import { action, contract } from '../contract.js';
import { done, LedWorld } from '../testing/led.world.js';
import { callHttp } from './http.call.js';
import { runInboundOver } from './inbound.js';
import { createPortLedRuntime } from './run.js';
import { createServiceClient } from './service.client.js';
import { RefusedError } from '../contract.js';

/** What becomes of a call: of its request, of the code that answers it, and of the answer. */
const FATES = [
  'answers',
  'answers',
  'answers',
  'refuses',
  'is-lost',
  'loses-answer',
  'crashes',
  'never-answers',
] as const;

interface Call {
  readonly via: 'library' | 'http';
  readonly fate: (typeof FATES)[number];
  /** Whether the caller goes on when it throws. */
  readonly isCaught: boolean;
  readonly hasTimeout: boolean;
  /** Whether the calls below are made at once. */
  readonly isParallel: boolean;
  readonly below: readonly Call[];
}

function callsTo(depth: number): fc.Arbitrary<readonly Call[]> {
  const call = fc.record({
    via: fc.constantFrom('library' as const, 'http' as const),
    fate: fc.constantFrom(...FATES),
    isCaught: fc.boolean(),
    hasTimeout: fc.boolean(),
    isParallel: fc.boolean(),
    below: depth === 1 ? fc.constant([]) : callsTo(depth - 1),
  });
  return fc.array(call, { maxLength: 3 });
}

const nodes = contract('nodes', {
  visit: action({ input: z.object({ call: z.int() }), output: z.object({ execution: z.int() }) }),
});

/** Executes calls as participants would, and remembers by itself which of them returned to whom. */
class Model {
  readonly world = new LedWorld();
  /** What barriers hold: each effect by its branch, and the refusals. */
  readonly stored = new Map<string, { readonly reply: BranchReply; readonly execution: number }>();
  readonly #runtime = createPortLedRuntime({}, this.world.ports);
  readonly #client = createServiceClient(nodes, { calls: this.world.calls() });
  /** Each call that was made, by whom, and which execution has answered it normally. */
  readonly #calls: { readonly call: Call; readonly caller: number; answeredBy?: number }[] = [];
  /** Which call each execution has answered; the first is the initiator. */
  readonly #executions: (number | undefined)[] = [undefined];
  readonly #underWay = new Set<Promise<unknown>>();

  constructor() {
    this.world.services.set('nodes', (command) => this.#track(this.#serve(command)));
  }

  /** Leads the calls, and lets stragglers come to their end. Returns whether the method threw. */
  async lead(calls: readonly Call[], isParallel: boolean): Promise<boolean> {
    const run = this.world
      .globalTransactions()
      .run({ name: 'tree', timeout: '1h' }, () => this.#callAll({ below: calls, isParallel }, 0));
    const hasThrown = await this.world.clock.run(run.then(() => false).catch(() => true));
    while (this.#underWay.size > 0) {
      // oxlint-disable-next-line no-await-in-loop -- the last ones may begin others
      await this.world.clock.run(Promise.allSettled(this.#underWay));
    }
    return hasThrown;
  }

  /** Returns the effects all of whose calls, up to the initiator, returned normally. */
  get keptIds(): string[] {
    return [...this.stored]
      .filter(([, { reply, execution }]) => reply.outcome === 'done' && this.#isKept(execution))
      .map(([branchId]) => branchId);
  }

  #isKept(execution: number): boolean {
    const made = this.#calls[this.#executions[execution] ?? -1];
    return execution === 0 || (made?.answeredBy === execution && this.#isKept(made.caller));
  }

  async #callAll({ below, isParallel }: Pick<Call, 'below' | 'isParallel'>, caller: number): Promise<void> {
    if (isParallel) {
      const results = await Promise.allSettled(below.map((call) => this.#make(call, caller)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) {
        throw failed.reason;
      }
      return;
    }
    for (const call of below) {
      // oxlint-disable-next-line no-await-in-loop -- this is what one after the other means
      await this.#make(call, caller);
    }
  }

  async #make(call: Call, caller: number): Promise<void> {
    const number = this.#calls.push({ call, caller }) - 1;
    const timeout = call.hasTimeout ? '3s' : undefined;
    try {
      const { execution } =
        call.via === 'library'
          ? await this.#client.visit({ call: number }, { timeout })
          : await this.#request(number, timeout);
      Object.assign(this.#calls[number] ?? {}, { answeredBy: execution });
    } catch (error) {
      if (!call.isCaught) {
        throw error;
      }
    }
  }

  /** A service without a barrier: each request is an execution of its own. */
  async #request(number: number, timeout: '3s' | undefined): Promise<{ execution: number }> {
    let attempt = 0;
    const answer = await callHttp(
      (headers) => {
        attempt += 1;
        return this.#track(this.#answer(number, attempt, headers));
      },
      { timeout, repeatFor: '5s' },
    );
    if (answer.status !== 200) {
      throw new RefusedError('409');
    }
    return answer;
  }

  async #answer(number: number, attempt: number, headers: Readonly<Record<string, string>>) {
    const fate = this.#loseRequest(number, attempt);
    const execution = this.#begin(number);
    const { responseHeaders } = await runInboundOver({ headers, ports: this.world.ports }, () =>
      this.#work(number, attempt, execution),
    );
    this.#loseAnswer(fate, attempt);
    return { status: fate === 'refuses' ? 409 : 200, headers: responseHeaders, execution };
  }

  async #serve(command: BranchCommand): Promise<BranchReply> {
    const { call: number } = command.input as { call: number };
    const fate = this.#loseRequest(number, command.attempt);
    const reply = this.stored.get(command.branchId)?.reply ?? (await this.#execute(command, number));
    this.#loseAnswer(fate, command.attempt);
    return reply;
  }

  /** A barrier: the effect and the answer are stored together, a refusal too, and a crash leaves neither. */
  async #execute(command: BranchCommand, number: number): Promise<BranchReply> {
    const execution = this.#begin(number);
    let reply: BranchReply;
    try {
      reply = await this.#runtime.run({ ...command, led: this.#ledOf(command) }, async (scope) => {
        await this.#work(number, command.attempt, execution);
        if (this.#calls[number]?.call.fate === 'refuses') {
          throw new RefusedError('no');
        }
        return { ...done(command, await scope.collect()), output: { execution } } as BranchReply;
      });
    } catch (error) {
      if (!isRefusal(error)) {
        return { outcome: 'unknown', error: { class: 'error', message: String(error) } };
      }
      reply = { outcome: 'refused', refusal: { reason: error.reason, isStored: true } };
    }
    this.stored.set(command.branchId, { reply, execution });
    return reply;
  }

  async #work(number: number, attempt: number, execution: number): Promise<void> {
    const call = this.#calls[number]?.call;
    await this.#callAll(call ?? { below: [], isParallel: false }, execution);
    if (call?.fate === 'crashes' && attempt === 1) {
      throw new Error('crash');
    }
  }

  #ledOf({ led }: BranchCommand): NonNullable<BranchCommand['led']> {
    if (led === undefined) {
      throw new Error('the command is no part of a led transaction');
    }
    return led;
  }

  #begin(number: number): number {
    return this.#executions.push(number) - 1;
  }

  #loseRequest(number: number, attempt: number): Call['fate'] {
    const fate = this.#calls[number]?.call.fate ?? 'answers';
    if (fate === 'is-lost' && attempt === 1) {
      throw new Error('connect ECONNREFUSED');
    }
    return fate;
  }

  #loseAnswer(fate: Call['fate'], attempt: number): void {
    if (fate === 'never-answers' || (fate === 'loses-answer' && attempt === 1)) {
      throw new Error('socket hang up');
    }
  }

  #track<Result>(work: Promise<Result>): Promise<Result> {
    const tracked = work.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
    return tracked;
  }
}

test('whatever refuses, is lost, repeated or late: the list holds exactly what returned normally all the way up', async () => {
  await fc.assert(
    fc.asyncProperty(callsTo(4), fc.boolean(), async (calls, isParallel) => {
      const model = new Model();

      const hasThrown = await model.lead(calls, isParallel);

      const { decision, decisions } = model.world.coordinator;
      const listed = (decision?.branches ?? []).map(({ branchId }) => branchId);
      const thrown = (decision?.thrown ?? []).map(({ branchId }) => branchId);
      expect(listed.toSorted()).toEqual(model.keptIds.toSorted());
      expect(decisions.length).toBeLessThanOrEqual(1);
      expect(thrown.filter((branchId) => listed.includes(branchId))).toEqual([]);
      expect(decision?.to ?? 'nothing').toBe(
        decision === undefined ? 'nothing' : hasThrown ? 'abort' : 'commit',
      );
      // Undone in reverse: what lies below a branch stands before it.
      const misplaced = listed.filter((branchId, position) => {
        const above = listed.indexOf(branchId.slice(0, branchId.lastIndexOf('~')));
        return above !== -1 && above < position;
      });
      expect(misplaced).toEqual([]);
    }),
    { numRuns: 100 },
  );
});
