import type { BranchErrorClass, BranchReply } from '@atone/core';
import { RefusedError } from './contract.js';
import { MisuseError } from './participant.error.js';

const MESSAGE_LENGTH_MAX = 1_000;

/** An attempt that ended in neither yes nor no, for a reason that the library itself knows. */
export class BranchFailure extends Error {
  override readonly name = 'BranchFailure';
  readonly code = 'BRANCH_FAILURE';

  constructor(
    readonly errorClass: BranchErrorClass,
    message: string,
  ) {
    super(message);
  }
}

export function isRefusal(error: unknown): error is RefusedError {
  return error instanceof RefusedError;
}

/** Returns the reply for what kept an attempt from an answer. */
export function unknownReply(error: unknown): BranchReply {
  return failure(classOf(error), messageOf(error));
}

export function failure(errorClass: BranchErrorClass, message: string): BranchReply {
  return { outcome: 'unknown', error: { class: errorClass, message: message.slice(0, MESSAGE_LENGTH_MAX) } };
}

/** Names, not classes: an error may come from another realm. */
const PROGRAMMING_ERRORS = new Set(['TypeError', 'ReferenceError', 'SyntaxError', 'RangeError']);

const ABORTED_TRANSACTION = '25P02';

function classOf(error: unknown): BranchErrorClass {
  if (error instanceof BranchFailure) {
    return error.errorClass;
  }
  if (error instanceof MisuseError || sqlStateOf(error) === ABORTED_TRANSACTION) {
    return 'code';
  }
  const isMistake = error instanceof Error && PROGRAMMING_ERRORS.has(error.name) && !isOutage(error);
  return isMistake ? 'code' : 'error';
}

/** A fetch that finds nobody there throws a TypeError, with what the system said as its cause. */
function isOutage(error: Error): boolean {
  return error.message === 'fetch failed' || codeOf(error.cause) !== undefined;
}

function messageOf(error: unknown): string {
  if (sqlStateOf(error) === ABORTED_TRANSACTION) {
    return (
      'A statement of the handler failed, its error was caught, and the handler went on; PostgreSQL then refuses all ' +
      'further statements of the transaction. Let the error through, or wrap the statement in a SAVEPOINT.'
    );
  }
  if (sqlStateOf(error) === '42P01' && String(error).includes('atone.barrier')) {
    return 'The table atone.barrier is missing in the database of this service; see checkBarrier and migrateBarrier.';
  }
  if (!(error instanceof Error)) {
    return `The handler threw ${typeof error === 'string' ? `'${error}'` : typeof error}.`;
  }
  return ['Error', 'error', 'BranchFailure', 'MisuseError'].includes(error.name)
    ? error.message
    : `${error.name}: ${error.message}`;
}

function sqlStateOf(error: unknown): string | undefined {
  const driverError: unknown =
    typeof error === 'object' && error !== null && 'driverError' in error ? error.driverError : undefined;
  return codeOf(driverError) ?? codeOf(error);
}

function codeOf(error: unknown): string | undefined {
  const code: unknown =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
