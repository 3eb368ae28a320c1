import type { FieldProblem } from '@atone/protocol';

/** What a call was about, as far as it is known. */
export interface CallSubject {
  readonly url: string;
  /** What was asked for, as the end of "was asked to …". */
  readonly what: string;
  /** Whether the coordinator may have done something. */
  readonly changes: boolean;
  readonly gid?: string;
  readonly idempotencyKey?: string;
}

/** A call of the coordinator did not bring what was asked for. */
export abstract class AtoneClientError extends Error {
  abstract readonly code: string;
  /** Whether the same call may bring it later. */
  abstract readonly retryable: boolean;
  readonly gid: string | undefined;

  constructor(message: string, gid: string | undefined, options?: ErrorOptions) {
    super(message, options);
    this.gid = gid;
  }
}

/** No answer came, or none that tells what was done: the outcome is unknown, which is not no. */
export class CoordinatorUnreachableError extends AtoneClientError {
  override readonly name = 'CoordinatorUnreachableError';
  readonly code = 'COORDINATOR_UNREACHABLE';
  readonly retryable = true;
  readonly url: string;
  /** Submit again with this key: nothing will be started twice. */
  readonly idempotencyKey: string | undefined;

  constructor(
    subject: CallSubject,
    /** What happened to the request, such as `connect ECONNREFUSED 127.0.0.1:7070`. */
    readonly why: string,
    { triedMs, ...options }: ErrorOptions & { readonly triedMs?: number } = {},
  ) {
    super(
      `The coordinator at ${subject.url} gave no usable answer when asked to ${subject.what}${triedFor(triedMs)}: ${why}. ` +
        `${known(subject)} Start the coordinator, or correct its url (\`coordinator.url\`).`,
      subject.gid,
      options,
    );
    this.url = subject.url;
    this.idempotencyKey = subject.idempotencyKey;
  }
}

/** The coordinator is there and takes no more for now; nothing was done. */
export class CoordinatorBusyError extends AtoneClientError {
  override readonly name = 'CoordinatorBusyError';
  readonly retryable = true;

  constructor(
    subject: CallSubject,
    /** The coordinator's own code, such as OVERLOADED. */
    readonly code: string,
    why: string,
  ) {
    super(
      `The coordinator at ${subject.url} did not ${subject.what} in time: ${why} Nothing was changed.`,
      subject.gid,
    );
  }
}

/** What the coordinator said when it refused. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldProblem[];
  readonly outcome?: 'committed' | 'aborted' | undefined;
}

/** The coordinator answered no. Nothing was changed, and the same request will get the same answer. */
export class CoordinatorRefusedError extends AtoneClientError {
  override readonly name = 'CoordinatorRefusedError';
  readonly retryable = false;
  /** The coordinator's own code, such as UNKNOWN_ACTION, NOT_FOUND or ACT_NOT_POSSIBLE. */
  readonly code: string;
  readonly status: number;
  readonly errors: readonly FieldProblem[];
  /** How the transaction was decided, with ALREADY_DECIDED. */
  readonly outcome: 'committed' | 'aborted' | undefined;

  constructor(subject: CallSubject, refusal: Refusal) {
    super(`The coordinator refused to ${subject.what}: ${refusal.detail}${fieldsOf(refusal)}`, subject.gid);
    this.code = refusal.code;
    this.status = refusal.status;
    this.errors = refusal.errors;
    this.outcome = refusal.outcome;
  }
}

/** Something answered that does not speak as a coordinator does. */
export class UnexpectedAnswerError extends AtoneClientError {
  override readonly name = 'UnexpectedAnswerError';
  readonly code = 'UNEXPECTED_ANSWER';
  readonly retryable = false;

  constructor(
    subject: CallSubject,
    /** What answered, such as `it answered 200, server: nginx`. */
    readonly why: string,
    options?: ErrorOptions,
  ) {
    super(
      `What answers at ${subject.url} is no coordinator of this version (${why}): check the url. ${known(subject)}`,
      subject.gid,
      options,
    );
  }
}

/** Returns what the fields tell beyond the detail, which often tells it all. */
function fieldsOf({ detail, errors }: Refusal): string {
  const news = errors.filter(({ message }) => !detail.includes(message));
  return news.length === 0 ? '' : ` (${news.map(({ field, message }) => `${field}: ${message}`).join('; ')})`;
}

/** Returns for how long it was asked again and again, if it was. */
function triedFor(triedMs = 0): string {
  return triedMs < 1_000 ? '' : `, again and again for ${Math.round(triedMs / 1_000)} s`;
}

function known(subject: CallSubject): string {
  if (!subject.changes) {
    return 'Nothing was changed.';
  }
  return subject.idempotencyKey === undefined
    ? 'It is not known whether it did so.'
    : `Nothing is known about the outcome: the transaction may or may not run. To find out, submit the same again with the idempotency key '${subject.idempotencyKey}'; it starts nothing twice.`;
}
