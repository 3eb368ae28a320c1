import type { MemoryLog } from '@atone/engine/testing';
import type { NewRow, RowFilter, RowUpdate, TransactionLog } from '@atone/engine';
import { never, type Life } from './sim.process.js';
import { whenSettled } from './when-settled.js';
import type { World } from './world.js';

/** The log did not answer, and nobody knows what became of the request. */
export class SimulatedOutage extends Error {
  override readonly name = 'SimulatedOutage';
  readonly retryable = true;
}

const TIMEOUT_MS = 2_000;

/** The longest that a statement lives without its client. */
const LATE_MS = 5_000;

/** The log as one process reaches it: over a connection that delays, breaks, and loses answers. */
export class LogLine implements TransactionLog {
  constructor(
    private readonly life: Life,
    private readonly world: World,
    private readonly instanceId: string,
  ) {}

  private get log(): MemoryLog {
    return this.world.log;
  }

  accept(rows: readonly NewRow[]): ReturnType<TransactionLog['accept']> {
    return this.ask('accept', () => this.log.accept(rows));
  }

  insertIfAbsent(rows: readonly NewRow[]): ReturnType<TransactionLog['insertIfAbsent']> {
    return this.ask('insert', () => this.log.insertIfAbsent(rows));
  }

  update(updates: readonly RowUpdate[]): ReturnType<TransactionLog['update']> {
    return this.ask('update', () => this.log.update(updates));
  }

  claimDue(instanceId: string, limit: number): ReturnType<TransactionLog['claimDue']> {
    return this.ask('claim-due', () => this.log.claimDue(instanceId, limit));
  }

  claim(instanceId: string, gid: string): ReturnType<TransactionLog['claim']> {
    this.world.kafka?.check.claims(instanceId, gid);
    return this.ask('claim', () => this.log.claim(instanceId, gid));
  }

  claimOwn(instanceId: string, gids: readonly string[]): ReturnType<TransactionLog['claimOwn']> {
    return this.ask('claim-own', () => this.log.claimOwn(instanceId, gids));
  }

  owned(instanceId: string): ReturnType<TransactionLog['owned']> {
    return this.ask('owned', () => this.log.owned(instanceId));
  }

  get(gid: string): ReturnType<TransactionLog['get']> {
    return this.ask('get', () => this.log.get(gid));
  }

  rows(gids: readonly string[]): ReturnType<TransactionLog['rows']> {
    return this.ask('rows', () => this.log.rows(gids));
  }

  findKey(key: string): ReturnType<TransactionLog['findKey']> {
    return this.ask('find-key', () => this.log.findKey(key));
  }

  ended(gids: readonly string[]): ReturnType<TransactionLog['ended']> {
    return this.ask('ended', () => this.log.ended(gids));
  }

  endings(gids: readonly string[]): ReturnType<TransactionLog['endings']> {
    return this.ask('endings', () => this.log.endings(gids));
  }

  list(filter: RowFilter): ReturnType<TransactionLog['list']> {
    return this.ask('list', () => this.log.list(filter));
  }

  counts(): ReturnType<TransactionLog['counts']> {
    return this.ask('counts', () => this.log.counts());
  }

  renewLease(
    ...[instanceId, leaseMs, facts]: Parameters<TransactionLog['renewLease']>
  ): ReturnType<TransactionLog['renewLease']> {
    return this.ask('renew-lease', () => this.log.renewLease(instanceId, leaseMs, facts));
  }

  endLease(instanceId: string): ReturnType<TransactionLog['endLease']> {
    return this.ask('end-lease', () => this.log.endLease(instanceId));
  }

  instances(): ReturnType<TransactionLog['instances']> {
    return this.ask('instances', () => this.log.instances());
  }

  drives(gids: readonly string[]): ReturnType<TransactionLog['drives']> {
    return this.ask('drives', () => this.log.drives(gids));
  }

  epoch(): ReturnType<TransactionLog['epoch']> {
    return this.ask('epoch', () => this.log.epoch());
  }

  /** Has `work` carried out at the database, whatever becomes of who asked, and its answer brought back. */
  ask<Answer>(what: string, work: () => Promise<Answer>): Promise<Answer> {
    if (this.life.isOver) {
      return never();
    }
    const { name } = this.life.process;
    const point = `${name} ${what}`;
    const { fates, draws, network, nights } = this.world;
    const nightCount = nights.passedCount;
    const slowMs = 3_000 * (fates.strike('log-slow', point) ?? 0);
    const isLost = fates.strike('log-lost', point) !== undefined || network.isCut(name, 'log');
    const isUnanswered = fates.strike('log-unanswered', point) !== undefined;
    const late = fates.strike('log-late', point);
    return new Promise<Answer>((resolve, reject) => {
      const fail = (afterMs: number): void => {
        this.life.after(afterMs, () => {
          this.world.trace(name, `gets no answer to ${what}`);
          reject(new SimulatedOutage(`The log did not answer to ${what}.`));
        });
      };
      if (isLost) {
        fail(TIMEOUT_MS * draws.next(`${point} outage`));
        return;
      }
      if (late !== undefined) {
        fail(TIMEOUT_MS * draws.next(`${point} outage`));
        this.carryOutLate(late, work);
        return;
      }
      const wayMs = 1 + slowMs + draws.next(`${point} latency`) * 3;
      this.world.scheduler.after(wayMs / 2, () => {
        this.world.running = undefined;
        // No connection outlives a night; nobody may take the time of yesterday for that of today.
        const isAnswerCut = network.isCut('log', name) || nights.passedCount > nightCount;
        void whenSettled(
          this.world.writingAs(this.instanceId, work),
          (answer) => {
            if (isUnanswered || isAnswerCut || this.isClaimLost(point, answer)) {
              fail(TIMEOUT_MS * draws.next(`${point} silence`));
            } else {
              this.life.after(wayMs / 2, () => {
                if (nights.passedCount > nightCount) {
                  fail(0);
                } else {
                  resolve(answer);
                }
              });
            }
          },
          (error) => {
            this.life.after(wayMs / 2, () => {
              reject(error);
            });
          },
        );
      });
    });
  }

  /** A database goes on with a statement whose client is gone, until the statement times out. */
  private carryOutLate(late: number, work: () => Promise<unknown>): void {
    this.world.scheduler.after(late * LATE_MS, () => {
      this.world.running = undefined;
      void whenSettled(
        this.world.writingAs(this.instanceId, work),
        () => undefined,
        () => undefined,
      );
    });
  }

  private isClaimLost(point: string, answer: unknown): boolean {
    const isOfClaim =
      point.includes(' claim') && (Array.isArray(answer) ? answer.length > 0 : answer !== undefined);
    return isOfClaim && this.world.fates.strike('claim-unanswered', point) !== undefined;
  }
}
