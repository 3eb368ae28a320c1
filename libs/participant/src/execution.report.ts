import type { BranchErrorClass, BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { isRefusal } from './branch.failure.js';
import type { RegistrationLog } from './registration.js';

/** Where a participant tells which executions failed, and why. */
export interface ParticipantLog extends Pick<RegistrationLog, 'warn'> {
  error(fields: object, message: string): void;
}

/** How many failed branches are remembered, so that their repeats are told in short. */
const REMEMBERED_MAX = 1_000;

const EVENT = 'branch execution failed';
const STACK_LENGTH_MAX = 8_000;

/** A repeat of these makes no difference: whoever asks again has changed something, and wants to know all. */
const NEVER_BRIEF: ReadonlySet<BranchErrorClass> = new Set(['code', 'bad-payload']);

/**
 * Tells of executions that ended in neither yes nor no: with a stack where the code is to blame or this process has
 * not told of the branch yet, else in short.
 *
 * Not by the number of the attempt: the first one may have met another instance, or nobody.
 */
export class ExecutionReport {
  readonly #told = new Set<string>();

  constructor(private readonly log: ParticipantLog | undefined) {}

  /** Tells of `reply` if it is unknown. Never throws: a broken log must not cost the coordinator its answer. */
  tell(command: BranchCommand, reply: BranchReply, thrown?: unknown): void {
    if (this.log === undefined || reply.outcome !== 'unknown' || isRefusal(thrown)) {
      return;
    }
    try {
      const fields = fieldsOf(command, reply.error);
      if (this.#isNews(command, reply.error.class)) {
        this.log.error({ ...fields, ...stackOf(thrown) }, EVENT);
      } else {
        this.log.warn(fields, EVENT);
      }
    } catch {
      // There is no other place to tell it.
    }
  }

  #isNews({ gid, branchId, op, round }: BranchCommand, errorClass: BranchErrorClass): boolean {
    const key = JSON.stringify([gid, branchId, op, round, errorClass]);
    const isKnown = this.#told.delete(key);
    this.#told.add(key);
    if (this.#told.size > REMEMBERED_MAX) {
      const [oldest = key] = this.#told;
      this.#told.delete(oldest);
    }
    return !isKnown || NEVER_BRIEF.has(errorClass);
  }
}

/** Names each field: the command also holds the payload. */
function fieldsOf(
  { gid, branchId, op, service, action, attempt }: BranchCommand,
  error: { readonly class: BranchErrorClass; readonly message: string },
): object {
  return { gid, branchId, op, service, action, attempt, class: error.class, error: error.message };
}

/** As text: drivers hang statements and their parameters on an error, and a log would write them all. */
function stackOf(thrown: unknown): { readonly stack?: string } {
  if (!(thrown instanceof Error)) {
    return {};
  }
  const own = thrown.stack ?? String(thrown);
  const { cause } = thrown;
  const stack = cause instanceof Error ? `${own}\nCaused by: ${cause.stack ?? String(cause)}` : own;
  return { stack: stack.slice(0, STACK_LENGTH_MAX) };
}
