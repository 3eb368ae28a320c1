import {
  attemptSchema,
  branchCommandSchema,
  replyTo,
  unreadBatchSchema,
  type BranchCommand,
  type FieldProblem,
  type ReplyEnvelope,
} from '@atone/protocol';
import { failure } from '../branch.failure.js';
import { RequestRejected } from './http.problem.js';

/** A command that can be carried out, or the reply to one that makes no sense. */
export type ReceivedCommand = { readonly command: BranchCommand } | { readonly reply: ReplyEnvelope };

const PROBLEM_COUNT_MAX = 20;

/** What zod tells of an error. */
interface Issues {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

/**
 * Reads the commands of a batch, each by itself: one that makes no sense is answered and harms no other. One that does
 * not even tell which attempt it is gets no line.
 *
 * @throws RequestRejected when nothing of the batch can be answered.
 */
export function parseBatch(body: string): readonly ReceivedCommand[] {
  const batch = unreadBatchSchema.safeParse(parseJson(body));
  if (!batch.success) {
    throw malformed(problemsOf(batch.error));
  }
  const problems: FieldProblem[] = [];
  const received = batch.data.commands.flatMap((candidate, position) => {
    const found = readCommand(candidate);
    if (!('problems' in found)) {
      return [found];
    }
    problems.push(
      ...found.problems.map(({ field, message }) => ({ field: `/commands/${position}${field}`, message })),
    );
    return answerTo(candidate, found.problems);
  });
  if (received.length === 0) {
    throw malformed(problems.slice(0, PROBLEM_COUNT_MAX));
  }
  return received;
}

function readCommand(
  candidate: unknown,
): { readonly command: BranchCommand } | { readonly problems: readonly FieldProblem[] } {
  try {
    const { success, data, error } = branchCommandSchema.safeParse(candidate);
    return success ? { command: data } : { problems: problemsOf(error) };
  } catch (error) {
    if (error instanceof RangeError) {
      return { problems: [{ field: '', message: 'is nested too deeply' }] };
    }
    throw error;
  }
}

/** A repeat would be just as wrong, and says so: only an operator can help. */
function answerTo(candidate: unknown, problems: readonly FieldProblem[]): readonly ReceivedCommand[] {
  const attempt = attemptSchema.safeParse(candidate);
  if (!attempt.success) {
    return [];
  }
  const what = problems.map(({ field, message }) => `${field || 'it'}: ${message}`).join('; ');
  return [{ reply: replyTo(attempt.data, failure('bad-payload', `The command is malformed: ${what}`)) }];
}

function problemsOf({ issues }: Issues): readonly FieldProblem[] {
  return issues.slice(0, PROBLEM_COUNT_MAX).map(({ path, message }) => ({
    field: path.map((part) => `/${String(part)}`).join(''),
    message,
  }));
}

function malformed(problems: readonly FieldProblem[]): RequestRejected {
  const errors = problems.map(({ field, message }) => ({ field: field || '/', message }));
  return new RequestRejected({
    status: 400,
    code: 'BAD_REQUEST',
    title: 'Malformed batch of commands',
    detail: `The batch is not carried out, because of: ${errors.map(({ field }) => field).join(', ')}.`,
    errors,
  });
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new RequestRejected({
      status: 400,
      code: 'BAD_REQUEST',
      title: 'No JSON',
      detail: 'The body is not JSON.',
      errors: [{ field: '/', message: 'must be JSON' }],
    });
  }
}
