import { mintGid, newSaga, type Saga } from '@atone/core';
import type { Submission } from '@atone/protocol';
import type { Arrivals } from './arrivals.js';
import type { DriverTable } from './driver.table.js';
import type { EngineOptions } from './engine.options.js';
import type { EnginePorts } from './engine.ports.js';
import { IdempotencyInFlightError, IdempotencyMismatchError, LogDoubtError } from './errors.js';
import { reached } from './failpoints.js';
import type { AcceptOutcome, KeyHolder, NewRow } from './log.port.js';
import type { LogWriter } from './log-writer.js';
import { encodePlan, encodeProgress, servicesOf } from './saga.codec.js';
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
}

/** Takes in plans: each is one row, and is driven from there. */
export class Acceptance {
  private readonly keysInFlight = new Set<string>();

  constructor(
    private readonly ports: EnginePorts,
    private readonly parts: AcceptanceParts,
  ) {}

  /** Accepts a plan; see Engine.submit. */
  async submit(request: SubmitRequest): Promise<SubmitAnswer> {
    const key = request.idempotency?.key;
    if (key === undefined) {
      return this.accept(request, planOf(request.submission, this.ports.catalogue));
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
  private async acceptOnce(request: SubmitRequest, key: string): Promise<SubmitAnswer> {
    let plan: Saga['plan'];
    try {
      plan = planOf(request.submission, this.ports.catalogue);
    } catch (error) {
      const holder = await this.ports.log.findKey(key);
      if (holder === undefined) {
        throw error;
      }
      return replay(holder, request);
    }
    return this.accept(request, plan);
  }

  private async accept(request: SubmitRequest, plan: Saga['plan']): Promise<SubmitAnswer> {
    const { submission } = request;
    const { clock, random } = this.ports;
    const { options } = this.parts;
    const now = clock.now();
    const timeoutMs = submission.timeoutMs ?? options.defaultTimeoutMs;
    const gid = mintGid(now, options.logNumber, random);
    const saga = newSaga({ gid, plan, acceptedAt: now, deadlineAt: now + timeoutMs });
    const { name, initiator, lane, tags = {} } = submission;
    const { traceparent, baggage } = request;
    const envelope = { gid, name, initiator, lane, tags, traceparent, baggage };
    const outcome = await this.insert({
      gid,
      kind: 'saga',
      name,
      initiator,
      lane,
      tags,
      services: servicesOf(saga),
      owner: options.instanceId,
      deadlineInMs: timeoutMs,
      plan: encodePlan(saga, envelope),
      progress: encodeProgress(saga, timeoutMs),
      idempotency: request.idempotency,
    });
    if (outcome.outcome === 'key-taken') {
      return replay(outcome, request);
    }
    this.ports.observer?.accepted('saga');
    const { acceptedAt, epoch } = outcome;
    if (acceptedAt > clock.now()) {
      // The log has told its time once more, or a branch would seem to start before the acceptance.
      clock.synchronize(acceptedAt);
    }
    const history = [{ at: acceptedAt, what: 'accepted' }];
    const accepted = { ...saga, acceptedAt, deadlineAt: acceptedAt + timeoutMs, history };
    this.parts.drivers.drive(envelope, { saga: accepted, version: 1, epoch })?.post({ type: 'start' });
    return { gid, isReplay: false };
  }

  private async insert(row: NewRow): Promise<AcceptOutcome> {
    return this.parts.arrivals.during(row.gid, async () => {
      try {
        await reached('engine.accept.beforeWrite');
        const outcome = await this.parts.writer.accept(row);
        await reached('engine.accept.afterWrite');
        return outcome;
      } catch (error) {
        if (isHopeless(error)) {
          throw error;
        }
        // The row may be there all the same. Recovery finds rows that are ours and that nobody drives.
        this.parts.suspectOrphans();
        throw new LogDoubtError(`The log did not confirm transaction ${row.gid}.`, { cause: error });
      }
    });
  }
}

function replay(taken: KeyHolder, request: SubmitRequest): SubmitAnswer {
  const { key = '', bodyHash } = request.idempotency ?? {};
  if (taken.bodyHash !== bodyHash) {
    throw new IdempotencyMismatchError(key, taken.gid);
  }
  return { gid: taken.gid, isReplay: true };
}
