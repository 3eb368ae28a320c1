import type { Ending, EngineObserver, TransactionKind } from '@atone/engine';
import type { BranchCommand, ReplyEnvelope, Verdict } from '@atone/protocol';
import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import { Tally } from './tally.js';

/** By what a command leaves, and its reply comes. */
export type Way = 'http' | 'kafka';

/** Which writes share a commit. */
export type Lane = 'accept' | 'insert' | 'update';

const TRANSACTION_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];
const FLUSH_SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const FLUSH_ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/** Counts what happens at this instance, from its start. */
@Injectable()
export class Meters implements EngineObserver {
  /** Holds the metrics of this instance. */
  readonly registry = new Registry();

  private readonly acceptances = this.counter(
    'atone_transactions_accepted_total',
    'Transactions that the log took in here.',
    ['kind'],
  );
  private readonly endings = this.counter(
    'atone_transactions_ended_total',
    'Transactions whose end was written here.',
    ['kind', 'outcome'],
  );
  private readonly durations = new Histogram({
    name: 'atone_transaction_duration_seconds',
    help: 'Time from the acceptance, for a led transaction from its first row, to the end.',
    labelNames: ['kind', 'outcome'],
    buckets: TRANSACTION_SECONDS,
    registers: [this.registry],
  });
  private readonly stuckOnes = this.counter(
    'atone_transactions_got_stuck_total',
    'Times that a transaction driven here came to wait for an operator.',
    ['reason'],
  );
  private readonly takeovers = this.counter(
    'atone_transactions_taken_over_total',
    'Transactions that nobody drove, or an instance without a lease, and that this one took.',
  );
  private readonly overloads = this.counter(
    'atone_transactions_refused_total',
    'Requests to accept or decide that were refused because the instance holds all it may.',
  );
  private readonly doubts = this.counter(
    'atone_doubts_total',
    'Questions of participants about branches past their deadline, by what they were told.',
    ['verdict'],
  );
  private readonly commands = this.counter('atone_commands_sent_total', 'Commands handed to a transport.', [
    'transport',
    'op',
  ]);
  private readonly replies = this.counter(
    'atone_replies_total',
    'Replies that a transport brought, those that it gave itself among them.',
    ['transport', 'op', 'outcome'],
  );
  private readonly flushRows = new Histogram({
    name: 'atone_log_flush_rows',
    help: 'Rows that one write to the log held.',
    labelNames: ['lane'],
    buckets: FLUSH_ROWS,
    registers: [this.registry],
  });
  private readonly flushSeconds = new Histogram({
    name: 'atone_log_flush_duration_seconds',
    help: 'Time that one write to the log took.',
    labelNames: ['lane'],
    buckets: FLUSH_SECONDS,
    registers: [this.registry],
  });
  private readonly failures = this.counter(
    'atone_log_failures_total',
    'Calls of the log that were not answered, or refused.',
    ['call'],
  );
  private readonly lostRenewals = this.counter(
    'atone_lease_renewal_failures_total',
    'Renewals of the lease that failed. Without one for 6 s others take over.',
  );

  accepted(kind: TransactionKind): void {
    this.acceptances.raise(kind);
  }

  ended({ kind, outcome, durationMs }: Ending): void {
    this.endings.raise(kind, outcome);
    this.durations.observe({ kind, outcome }, durationMs / 1_000);
  }

  gotStuck(reason: string): void {
    this.stuckOnes.raise(reason);
  }

  takenOver(): void {
    this.takeovers.raise();
  }

  overloaded(): void {
    this.overloads.raise();
  }

  judged(verdicts: readonly Verdict[]): void {
    for (const { verdict } of verdicts) {
      this.doubts.raise(verdict);
    }
  }

  sent(way: Way, { op }: BranchCommand): void {
    this.commands.raise(way, op);
  }

  replied(way: Way, { op, reply: { outcome } }: ReplyEnvelope): void {
    this.replies.raise(way, op, outcome);
  }

  /** A write of the log came to its end, whichever. */
  flushed(lane: Lane, rowCount: number, durationMs: number): void {
    this.flushRows.observe({ lane }, rowCount);
    this.flushSeconds.observe({ lane }, durationMs / 1_000);
  }

  logFailed(call: string): void {
    this.failures.raise(call);
    if (call === 'renewLease') {
      this.lostRenewals.raise();
    }
  }

  /** Returns a tally that is shown as a counter. Without labels it begins at 0, so that its first rise can be seen. */
  private counter<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Tally<Label> {
    const tally = new Tally(labelNames);
    const show = (counter: Counter<Label>): void => {
      counter.reset();
      for (const [labels, count] of tally.entries()) {
        counter.inc(labels, count);
      }
    };
    const counter: Counter<Label> = new Counter<Label>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect: () => show(counter),
    });
    return tally;
  }
}
