import {
  IdempotencyMismatchError,
  LogDoubtError,
  OverloadedError,
  type Engine,
  type Snapshot,
} from '@atone/engine';
import { isEnded } from '@atone/core';
import { Violation } from '../check/violation.js';
import type { TransactionSpec } from '../plan/transaction.draw.js';
import { sendBadRequests } from './bad.requests.js';
import type { CoordinatorProcess } from './coordinator.process.js';
import { whenSettled } from './when-settled.js';
import type { World } from './world.js';

const PATIENCE_MS = 1_500;
const ATTEMPT_COUNT_MAX = 40;

/**
 * A client that submits one transaction: it repeats until it has an answer, at whichever coordinator, and holds all
 * answers against each other and against the log.
 */
export class Client {
  /** The transactions that it was told are accepted. With an idempotency key there must never be two. */
  readonly acknowledged = new Set<string>();
  isDone = false;
  private attemptCount = 0;

  constructor(
    private readonly world: World,
    readonly spec: TransactionSpec,
  ) {}

  begin(): void {
    this.world.scheduler.at(this.spec.atMs, () => {
      this.submit();
    });
  }

  /** Checks once more, when all is quiet, what it was told. */
  checkEnd(): void {
    for (const gid of this.acknowledged) {
      if (this.world.safety.rowOf(gid) === undefined && !this.world.safety.excuses('S8', gid)) {
        this.world.report(
          new Violation('S8', this.spec.name, `${this.spec.name} was acknowledged, and the log has lost it`),
        );
      }
    }
  }

  private submit(): void {
    this.attemptCount += 1;
    const { world, spec } = this;
    const point = `${spec.name} submit`;
    const coordinator = world.draws.pick(`${point} where`, world.coordinators);
    const attempt = { isOver: false };
    world.scheduler.after(PATIENCE_MS, () => {
      this.next(attempt);
    });
    this.call(coordinator, point, (engine) => {
      const key = spec.hasKey ? { key: spec.name, bodyHash: spec.name } : undefined;
      void whenSettled(
        engine.submit({ submission: spec.submission, idempotency: key }),
        (answer) => {
          world.named(answer.gid, spec.name);
          this.accepted(answer.gid);
          this.reply(point, () => {
            if (!attempt.isOver) {
              attempt.isOver = true;
              this.told(answer.gid);
            }
          });
        },
        (error: unknown) => {
          this.refused(error);
          this.reply(point, () => {
            this.next(attempt);
          });
        },
      );
    });
  }

  private accepted(gid: string): void {
    const row = this.world.safety.rowOf(gid);
    if (row === undefined && !this.world.safety.excuses('S8', gid)) {
      this.world.report(new Violation('S8', this.spec.name, 'it was acknowledged before it was in the log'));
    }
    this.acknowledged.add(gid);
    const known = [...this.acknowledged].filter((one) => !this.world.safety.excuses('S11', one));
    if (this.spec.hasKey && known.length > 1) {
      this.world.report(new Violation('S11', this.spec.name, 'one idempotency key started two transactions'));
    }
  }

  private told(gid: string): void {
    this.isDone = true;
    const { world, spec } = this;
    if (spec.hasKey && world.draws.chance(`${spec.name} bad requests`, 0.2)) {
      this.call(
        world.draws.pick(`${spec.name} bad where`, world.coordinators),
        `${spec.name} bad`,
        (engine) => {
          sendBadRequests(world, spec, engine);
        },
      );
    }
    if (spec.waitMs === 0) {
      return;
    }
    const point = `${spec.name} wait`;
    this.call(world.draws.pick(`${point} where`, world.coordinators), point, (engine) => {
      void whenSettled(
        engine.waitForEnd(gid, spec.waitMs),
        (snapshot) => {
          this.checkOutcome(gid, snapshot);
        },
        () => undefined,
      );
    });
  }

  /** What leaves the coordinator must be in the log by then. */
  private checkOutcome(gid: string, { saga }: Snapshot): void {
    const row = this.world.safety.rowOf(gid);
    const isTrue = row?.finishedAt !== undefined && row.state === saga.state;
    if (isEnded(saga) && !isTrue && !this.world.safety.excuses('S8', gid)) {
      this.world.report(
        new Violation(
          'S8',
          this.spec.name,
          `${saga.state} was told while the log said ${row?.state ?? 'nothing'}`,
        ),
      );
    }
  }

  private refused(error: unknown): void {
    if (error instanceof IdempotencyMismatchError) {
      this.world.report(new Violation('S11', this.spec.name, 'the same body under the same key was refused'));
    }
    const isExpected = error instanceof Error && 'retryable' in error && error.retryable === true;
    if (!isExpected && !(error instanceof LogDoubtError) && !(error instanceof OverloadedError)) {
      this.world.report(error);
    }
  }

  private next(attempt: { isOver: boolean }): void {
    if (attempt.isOver) {
      return;
    }
    attempt.isOver = true;
    if (this.attemptCount >= ATTEMPT_COUNT_MAX || (!this.spec.hasKey && this.attemptCount >= 3)) {
      this.isDone = true;
      return;
    }
    this.world.scheduler.after(50 + 200 * this.world.draws.next(`${this.spec.name} pause`), () => {
      this.submit();
    });
  }

  private call(coordinator: CoordinatorProcess, point: string, ask: (engine: Engine) => void): void {
    const { fates, scheduler } = this.world;
    if (fates.strike('client-request-lost', point) !== undefined) {
      return;
    }
    scheduler.after(1, () => {
      coordinator.life?.after(0, () => {
        const { engine } = coordinator;
        if (engine !== undefined) {
          ask(engine);
        }
      });
    });
  }

  private reply(point: string, take: () => void): void {
    if (this.world.fates.strike('client-answer-lost', point) === undefined) {
      this.world.scheduler.after(1, take);
    }
  }
}
