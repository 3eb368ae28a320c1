import type { BranchReply } from '@atone/core';
import type { HttpResponse } from '@atone/participant';
import type { MemoryRow } from '@atone/participant/testing';
import { HEADERS, type BranchCommand, type RegistrationRequest } from '@atone/protocol';
import { LED_ACTIONS } from '../plan/led.draw.js';
import { takeTime } from './handlers.js';
import type { PlainCall } from './plain.call.js';
import type { LedEffect } from './led.handlers.js';
import { COORDINATOR_URL, httpOver } from './sim.http.js';
import type { Life } from './sim.process.js';
import type { World } from './world.js';

/** A branch as the service's own tables have it: a saga action is settled by itself, a try has to be confirmed. */
interface PlainBranch {
  state: 'done' | 'settled' | 'confirmed' | 'undone' | 'refused';
  readonly effect: string;
}

/** The tables of a service without the library, as far as led transactions are concerned. */
export type PlainLedTable = Map<string, PlainBranch>;

type BranchKey = Pick<MemoryRow, 'gid' | 'branchId'>;

const REGISTRATION_COUNT_MAX = 4;
const ANSWER_WITHIN_MS = 300;
const PAUSE_MS = 50;

/** A service without the library that takes part in led transactions, by no more than what the protocol asks of it. */
export class PlainLedService {
  constructor(
    private readonly life: Life,
    private readonly place: { readonly service: string; readonly table: PlainLedTable },
  ) {}

  private get world(): World {
    return this.life.process.world;
  }

  /** Carries out a call: first the branch is registered, then there is an effect, then the answer tells of it. */
  async serve(call: PlainCall): Promise<HttpResponse> {
    const { action, headers } = call;
    const { branch } = call.body;
    await takeTime(this.life, `${branch} action`);
    const status = await this.register(call);
    if (status !== 200) {
      return answer(status === 409 ? 409 : 503);
    }
    if (this.world.fates.strike('error', `${branch} action`) !== undefined) {
      return answer(500);
    }
    const { effect, state } = this.carryOut(call);
    if (state === 'undone' || state === 'refused') {
      return answer(409);
    }
    const entry = { ...entryOf(this.place.service, action), branchId: headers[HEADERS.branchId] };
    return answer(200, { effect }, JSON.stringify({ below: [entry] }));
  }

  /** Ends a branch, as the coordinator says. */
  end({ gid, branchId, op }: BranchCommand, name: string): BranchReply {
    const known = this.place.table.get(keyOf(gid, branchId));
    const { fates } = this.world;
    if (fates.strike('error', `${name} ${op}`) !== undefined) {
      return { outcome: 'unknown', error: { class: 'error', message: 'HTTP 500' } };
    }
    if (op === 'confirm') {
      return this.confirm({ gid, branchId }, known);
    }
    return this.undo({ gid, branchId }, known);
  }

  private undo(branch: BranchKey, known: PlainBranch | undefined): BranchReply {
    if (known?.state === 'confirmed') {
      return { outcome: 'refused', refusal: { reason: 'It is confirmed.', isStored: true } };
    }
    const hasEffect = known?.state === 'done' || known?.state === 'settled';
    if (known?.state !== 'undone') {
      const { effect = 'none' } = known ?? {};
      this.store(branch, { state: 'undone', effect }, hasEffect ? 'compensate' : undefined);
    }
    return { outcome: 'undone', wasEmpty: !hasEffect };
  }

  private confirm(branch: BranchKey, known: PlainBranch | undefined): BranchReply {
    if (known === undefined || known.state === 'undone' || known.state === 'refused') {
      return { outcome: 'refused', refusal: { reason: 'There is nothing to confirm.', isStored: true } };
    }
    if (known.state === 'done') {
      this.store(branch, { ...known, state: 'confirmed' }, 'confirm');
    }
    return { outcome: 'confirmed' };
  }

  /** What was stored stands; anything else is done now, all at once. */
  private carryOut({ action, headers, body: { branch: name } }: PlainCall): PlainBranch {
    const [gid = '', branchId = ''] = [headers[HEADERS.gid], headers[HEADERS.branchId]];
    const known = this.place.table.get(keyOf(gid, branchId));
    if (known !== undefined) {
      return known;
    }
    const effect = this.world.safety.led.story.run(gid, name).id;
    if (this.world.fates.strike('refusal', `${name} action`) !== undefined) {
      return this.store({ gid, branchId }, { state: 'refused', effect });
    }
    const state = action === LED_ACTIONS.try ? 'done' : 'settled';
    return this.store({ gid, branchId }, { state, effect }, 'action');
  }

  /** Commits to the service's own database. */
  private store({ gid, branchId }: BranchKey, branch: PlainBranch, op?: LedEffect['op']): PlainBranch {
    const { table, service } = this.place;
    table.set(keyOf(gid, branchId), branch);
    this.world.trace(service, `commits ${this.world.nameOfGid(gid)}/${branchId} ${branch.state}`);
    const entries = op === undefined ? [] : [{ gid, branchId, op, effect: branch.effect }];
    const columns = { state: branch.state } as unknown as MemoryRow['columns'];
    this.world.safety.led.committed({ rows: [{ gid, branchId, columns }], entries });
    return branch;
  }

  /** Has the coordinator know of the branch before there is any. Returns its last answer, or 503 when there was none. */
  private async register(call: PlainCall): Promise<number> {
    const send = httpOver(this.life);
    const url = `${COORDINATOR_URL}/v1/transactions/${call.headers[HEADERS.gid]}/branches`;
    const request = JSON.stringify(this.registrationOf(call));
    for (let count = 1; count <= REGISTRATION_COUNT_MAX; count += 1) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one attempt must be over before the next
        const { status } = await send({
          method: 'POST',
          url,
          headers: {},
          body: request,
          timeoutMs: ANSWER_WITHIN_MS,
        });
        if (status < 500) {
          return status;
        }
      } catch {
        // No answer: it is asked again, whatever became of it.
      }
      // oxlint-disable-next-line no-await-in-loop -- see above
      await new Promise<void>((resolve) => {
        this.life.after(PAUSE_MS, resolve);
      });
    }
    return 503;
  }

  private registrationOf({ action, headers, body: { branch } }: PlainCall): RegistrationRequest {
    const remainingMs = Number(headers[HEADERS.remainingMs]);
    return {
      name: 'plain',
      initiator: headers[HEADERS.initiator] ?? '',
      epoch: Number(headers[HEADERS.epoch]),
      secretHash: headers[HEADERS.secretHash] ?? '',
      timeoutMs: Number(headers[HEADERS.timeoutMs] ?? remainingMs),
      remainingMs,
      branches: [
        {
          ...entryOf(this.place.service, action),
          branchId: headers[HEADERS.branchId] ?? '',
          input: { branch },
        },
      ],
    };
  }
}

function entryOf(
  service: string,
  action: string,
): Pick<RegistrationRequest['branches'][number], 'service' | 'action' | 'kind'> {
  return { service, action, kind: action === LED_ACTIONS.try ? 'tcc' : 'saga' };
}

function keyOf(gid: string, branchId: string): string {
  return `${gid} ${branchId}`;
}

function answer(status: number, body: object = {}, enlisted?: string): HttpResponse {
  return {
    status,
    text: JSON.stringify(body),
    header: (name) => (name === HEADERS.enlisted ? enlisted : undefined),
  };
}
