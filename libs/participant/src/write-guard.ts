import type { BranchOp } from '@atone/core';
import { currentBranch, reportMisuse } from './branch.context.js';
import { MisuseError } from './participant.error.js';
import { endsTransaction, writingWord } from './sql-statement.js';

/**
 * Refuses a write that a handler sends past its own transaction, by an injected repository, say. It would stay
 * although the branch is refused, tried again or undone.
 *
 * @throws MisuseError, and the handler fails at its end even if it catches that.
 */
export function refuseWritePastBranch(sql: unknown, howTo: string): void {
  const branch = currentBranch();
  const word = branch === undefined || typeof sql !== 'string' ? undefined : writingWord(sql);
  if (branch === undefined || word === undefined) {
    return;
  }
  const where = `${HANDLER_ARGUMENT[branch.op] ?? 'undo'}.transaction`;
  const misuse = new MisuseError(
    `${branch.service}.${branch.action} sent a statement (${word.toUpperCase()}) past its transaction, where it would ` +
      `commit on its own and stay although the branch fails. Write through ${where}: ${howTo.replaceAll('$', where)}.`,
  );
  reportMisuse(misuse);
  throw misuse;
}

/** What a handler calls what it is given; else `undo`. */
const HANDLER_ARGUMENT: Partial<Record<BranchOp, string>> = { action: 'branch', confirm: 'end' };

/** Watches what a handler does with its transaction. */
export class TransactionUse {
  #isOpen = true;
  #underWayCount = 0;

  /** Runs a handler's statement, unless it would end the transaction or comes after the handler's end. */
  async run<Result>(sql: unknown, execute: () => Promise<Result>): Promise<Result> {
    this.admit(sql);
    this.#underWayCount += 1;
    try {
      return await execute();
    } finally {
      this.#underWayCount -= 1;
    }
  }

  /** @throws MisuseError if the statement may not run in the transaction. */
  admit(sql: unknown): void {
    if (!this.#isOpen) {
      throw new MisuseError(
        'The transaction of this branch has ended: a statement came after its handler. Await every statement, ' +
          'and do not keep branch.transaction beyond the handler.',
      );
    }
    if (typeof sql === 'string' && endsTransaction(sql)) {
      const misuse = new MisuseError(
        'A handler tried to begin or end the transaction of its branch, which Atone commits together with the ' +
          'barrier. Leave that out; to undo a part, use SAVEPOINT and ROLLBACK TO SAVEPOINT.',
      );
      reportMisuse(misuse);
      throw misuse;
    }
  }

  /** Lets no more statements in. @throws MisuseError if one is still under way. */
  seal(): void {
    this.#isOpen = false;
    if (this.#underWayCount > 0) {
      throw new MisuseError(
        `A handler ended while ${this.#underWayCount} of its statements were still under way. Await every statement.`,
      );
    }
  }
}
