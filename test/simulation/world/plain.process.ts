import type { BranchReply } from '@atone/core';
import type { HttpResponse } from '@atone/participant';
import type { BranchCommand, ParticipantInstance } from '@atone/protocol';
import { LED_ACTIONS } from '../plan/led.draw.js';
import { ACTIONS } from '../plan/transaction.draw.js';
import type { SafetyCheck } from '../check/safety.check.js';
import type { PlainCall } from './plain.call.js';
import { PlainLedService, type PlainLedTable } from './plain.led.js';
import { SimProcess, type Life } from './sim.process.js';
import type { World } from './world.js';

/** What a plain endpoint remembers of a branch, by its own idempotency: not more than its documentation asks for. */
export class PlainMemory {
  readonly answers = new Map<string, BranchReply>();
  readonly undone = new Set<string>();
  readonly led: PlainLedTable = new Map();

  constructor(readonly safety: SafetyCheck) {}
}

/** An instance of a service without the library, as the transport makes its answers known. */
export class PlainProcess extends SimProcess {
  constructor(
    name: string,
    world: World,
    private readonly place: { readonly service: string; readonly memory: PlainMemory },
  ) {
    super(name, 'participant', world);
  }

  get service(): string {
    return this.place.service;
  }

  get registration(): ParticipantInstance {
    return {
      instance: this.name,
      baseUrl: 'http://127.0.0.1:1',
      kind: 'plain',
      protocol: 1,
      actions: [
        { name: ACTIONS.undoable, hasCompensation: true, path: '/book', compensatePath: '/book/undo' },
        { name: ACTIONS.final, hasCompensation: false, path: '/ship' },
        ...Object.values(LED_ACTIONS).map((name) => ({
          name,
          hasCompensation: true,
          path: `/${name}`,
          compensatePath: `/${name}/undo`,
          ...(name === LED_ACTIONS.try ? { kind: 'tcc' as const, confirmPath: `/${name}/confirm` } : {}),
        })),
      ],
    };
  }

  receive(command: BranchCommand, answer: (reply: BranchReply) => void): void {
    const { life } = this;
    const { gid, branchId, op, round } = command;
    const key = `${gid} ${branchId}`;
    const known = this.place.memory.answers.get(`${key} ${op} ${round}`);
    const point = `${this.world.nameOf({ ...command, attempt: 1 })} plain`;
    const slowness = this.world.fates.strike('slow-code', point) ?? 0;
    life?.after(slowness * 3_000, () => {
      const isLed = this.place.memory.safety.led.story.has(gid);
      answer(isLed ? this.led(life).end(command, point) : (known ?? this.carryOut(command, { key, point })));
    });
  }

  /** Takes a call of code that leads a transaction. */
  async serve(life: Life, call: PlainCall): Promise<HttpResponse> {
    return this.led(life).serve(call);
  }

  private led(life: Life): PlainLedService {
    const { service, memory } = this.place;
    return new PlainLedService(life, { service, table: memory.led });
  }

  protected boot(_life: Life): void {
    // Nothing to prepare: what it knows is in its database.
  }

  protected cleanUp(): void {
    // Nothing to give back.
  }

  private carryOut(
    command: BranchCommand,
    place: { readonly key: string; readonly point: string },
  ): BranchReply {
    const { gid, branchId, op, round } = command;
    const { fates } = this.world;
    const stored = this.place.memory.answers.get(`${place.key} ${op} ${round}`);
    if (stored !== undefined) {
      return stored;
    }
    if (fates.strike('not-yet', place.point) !== undefined) {
      return { outcome: 'not-yet', retryAfterMs: 50 };
    }
    if (fates.strike('error', place.point) !== undefined) {
      return { outcome: 'unknown', error: { class: 'error', message: 'HTTP 500' } };
    }
    const isUndo = op === 'compensate';
    const reply = this.decide(place, isUndo);
    this.place.memory.answers.set(`${place.key} ${op} ${round}`, reply);
    if (reply.outcome === 'done' || (reply.outcome === 'undone' && !reply.wasEmpty)) {
      this.place.memory.safety.effected({ gid, branchId, op: isUndo ? 'compensate' : 'action' });
    }
    if (reply.outcome === 'undone') {
      this.place.memory.safety.undone(gid, branchId);
    }
    return reply;
  }

  private decide(place: { readonly key: string; readonly point: string }, isUndo: boolean): BranchReply {
    const hasEffect = [...this.place.memory.answers].some(
      ([key, reply]) => key.startsWith(`${place.key} action`) && reply.outcome === 'done',
    );
    if (isUndo) {
      if (this.world.fates.strike('refusal', `${place.point} undo`) !== undefined) {
        return { outcome: 'refused', refusal: { reason: 'The service says no.', isStored: true } };
      }
      this.place.memory.undone.add(place.key);
      return { outcome: 'undone', wasEmpty: !hasEffect };
    }
    if (this.place.memory.undone.has(place.key)) {
      return { outcome: 'refused', refusal: { reason: 'It was cancelled.', isStored: true } };
    }
    if (this.world.fates.strike('refusal', place.point) !== undefined) {
      return { outcome: 'refused', refusal: { reason: 'The service says no.', isStored: true } };
    }
    return { outcome: 'done', output: { booked: place.key } };
  }
}
