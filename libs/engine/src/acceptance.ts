import { mintGid, newSaga, type Saga } from '@atone/core';
import type { Submission } from '@atone/protocol';
import type { Arrivals } from './arrivals.js';
import { CatalogueRereading } from './catalogue.rereading.js';
import type { DriverTable } from './driver.table.js';
import type { EngineOptions } from './engine.options.js';
import type { EnginePorts } from './engine.ports.js';
import {
  IdempotencyInFlightError,
  IdempotencyMismatchError,
  InvalidPlanError,
  LogDoubtError,
} from './errors.js';
import { reached } from './failpoints.js';
import type { AcceptOutcome, KeyHolder, NewRow } from './log.port.js';
import type { LogWriter } from './log-writer.js';
import { encodePlan, encodeProgress, servicesOf, type Envelope } from './saga.codec.js';
import { planOf } from './submission.js';
import { isHopeless } from './write-each.js';

export interface SubmitRequest {
  readonly submission: Submission;
  readonly idempotency?: { readonly key: string; readonly bodyHash: string } | undefined;
  readonly traceparent?: string | undefined;
  readonly baggage?: string | undefined;
}

export interface SubmitAnswer {
  readonly gid: string;
  /** Whether the key had been used for the same body before, and nothing new was accepted. */
  readonly isReplay: boolean;
}

interface AcceptanceParts {
  readonly options: EngineOptions;
  readonly writer: LogWriter;
  readonly drivers: DriverTable;
  readonly arrivals: Arrivals;
  readonly suspectOrphans: () => void;
  /** @throws {OverloadedError} when nothing new may come in. */
  readonly admit: () => void;
}

/** A saga whose row is about to be inserted. */
interface Newcomer {
  readonly saga: Saga;
  readonly envelope: Envelope;
  readonly timeoutMs: number;
}

type Accepted = Extract<AcceptOutcome, { readonly outcome: 'accepted' }>;

/** Takes in plans: each is one row, and is driven from there. */
export class Acceptance {
  private readonly keysInFlight = new Set<string>();
  private readonly rereading: CatalogueRereading;

  constructor(
    private readonly ports: EnginePorts,
    private readonly parts: AcceptanceParts,
  ) {
    this.rereading = new CatalogueRereading(ports.catalogue, ports.clock);
  }

  /** Accepts a plan; see Engine.submit. */
  async submit(request: SubmitRequest): Promise<SubmitAnswer> {
    this.parts.admit();
    const key = request.idempotency?.key;
    if (key === undefined) {
      return this.acceptOnce(request);
    }
    if (this.keysInFlight.has(key)) {
      throw new IdempotencyInFlightError(key);
    }
    this.keysInFlight.add(key);
    try {
      return await this.acceptOnce(request, key);
    } finally {
      this.keysInFlight.delete(key);
    }
  }

  /** A repeat gets its answer though the catalogue has changed since, and the plan could not be accepted any more. */
  private async acceptOnce(request: SubmitRequest, key?: string): Promise<SubmitAnswer> {
    let plan: Saga['plan'];
    try {
      plan = planOf(request.submission, this.ports.catalogue);
    } catch (error) {
      const holder = key === undefined ? undefined : await this.ports.log.findKey(key);
      if (holder !== undefined) {
        return replay(holder, request);
      }
      await this.readAgainFor(error);
      this.parts.admit();
      plan = planOf(request.submission, this.ports.catalogue);
    }
    return this.accept(request, plan);
  }

  /** What has registered at another coordinator, or just now, is unknown here only until the catalogue is read again. */
  private async readAgainFor(error: unknown): Promise<void> {
    if (!(error instanceof InvalidPlanError && error.code === 'UNKNOWN_ACTION')) {
      throw error;
    }
    await this.rereading.reread();
  }

  private async accept(request: SubmitRequest, plan: Saga['plan']): Promise<SubmitAnswer> {
    const newcomer = this.newcomerOf(request, plan);
    const outcome = await this.insert(this.rowOf(newcomer, request));
    return outcome.outcome === 'key-taken' ? replay(outcome, request) : this.begin(newcomer, outcome);
  }

  private newcomerOf({ submission, traceparent, baggage }: SubmitRequest, plan: Saga['plan']): Newcomer {
    const { logNumber, defaultTimeoutMs } = this.parts.options;
    const { name, initiator, lane, tags = {}, timeoutMs = defaultTimeoutMs } = submission;
    const now = this.ports.clock.now();
    const gid = mintGid(now, logNumber, this.ports.random);
    return {
      saga: newSaga({ gid, plan, acceptedAt: now, deadlineAt: now + timeoutMs }),
      envelope: { gid, name, initiator, lane, tags, traceparent, baggage },
      timeoutMs,
    };
  }

  private rowOf({ saga, envelope, timeoutMs }: Newcomer, request: SubmitRequest): NewRow {
    const { gid, name, initiator, lane, tags } = envelope;
    return {
      gid,
      kind: 'saga',
      name,
      initiator,
      lane,
      tags,
      services: servicesOf(saga),
      owner: this.parts.options.instanceId,
      deadlineInMs: timeoutMs,
      plan: encodePlan(saga, envelope),
      progress: encodeProgress(saga, timeoutMs),
      idempotency: request.idempotency,
    };
  }

  private begin({ saga, envelope, timeoutMs }: Newcomer, outcome: Accepted): SubmitAnswer {
    const { clock } = this.ports;
    this.ports.observer?.accepted('saga');
    const { acceptedAt, epoch } = outcome;
    if (acceptedAt > clock.now()) {
      // The log has told its time once more, or a branch would seem to start before the acceptance.
      clock.synchronize(acceptedAt);
    }
    const history = [{ at: acceptedAt, what: 'accepted' }];
    const accepted = { ...saga, acceptedAt, deadlineAt: acceptedAt + timeoutMs, history };
    this.parts.drivers.drive(envelope, { saga: accepted, version: 1, epoch })?.post({ type: 'start' });
    return { gid: saga.gid, isReplay: false };
  }

  private async insert(row: NewRow): Promise<AcceptOutcome> {
    const { arrivals, writer, suspectOrphans } = this.parts;
    arrivals.enter(row.gid);
    try {
      const before = reached('engine.accept.beforeWrite');
      if (before !== undefined) {
        await before;
      }
      const outcome = await writer.accept(row);
      const after = reached('engine.accept.afterWrite');
      if (after !== undefined) {
        await after;
      }
      return outcome;
    } catch (error) {
      if (isHopeless(error)) {
        throw error;
      }
      // The row may be there all the same. Recovery finds rows that are ours and that nobody drives.
      suspectOrphans();
      throw new LogDoubtError(`The log did not confirm transaction ${row.gid}.`, { cause: error });
    } finally {
      arrivals.leave(row.gid);
    }
  }
}

function replay(taken: KeyHolder, request: SubmitRequest): SubmitAnswer {
  const { key = '', bodyHash } = request.idempotency ?? {};
  if (taken.bodyHash !== bodyHash) {
    throw new IdempotencyMismatchError(key, taken.gid);
  }
  return { gid: taken.gid, isReplay: true };
}
