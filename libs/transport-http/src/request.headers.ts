import { HEADERS, type BranchCommand } from '@atone/protocol';

type Headers = Readonly<Record<string, string>>;

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]*)?$/u;
const PRINTABLE = /^[\x20-\x7e]+$/u;

/** Returns what a plain endpoint is told about the one command that the request brings. */
export function commandHeaders(command: BranchCommand): Headers {
  const { gid, branchId, op, round, attempt, remainingMs, traceparent } = command;
  const baggage = baggageOf(command);
  return {
    [HEADERS.gid]: gid,
    [HEADERS.branchId]: branchId,
    [HEADERS.op]: op,
    [HEADERS.round]: String(round),
    [HEADERS.attempt]: String(attempt),
    [HEADERS.idempotencyKey]: `${gid}:${branchId}:${op}:${round}`,
    ...(remainingMs === undefined
      ? {}
      : { [HEADERS.remainingMs]: String(Math.max(0, Math.round(remainingMs))) }),
    ...(traceparent !== undefined && TRACEPARENT.test(traceparent)
      ? { [HEADERS.traceparent]: traceparent }
      : {}),
    ...(baggage === undefined ? {} : { [HEADERS.baggage]: baggage }),
  };
}

/** The transaction's lane takes the place of a lane that the initiator's own baggage names. */
function baggageOf({ baggage, lane }: BranchCommand): string | undefined {
  const members = baggage !== undefined && PRINTABLE.test(baggage) ? baggage.split(',') : [];
  if (lane === undefined) {
    return members.length === 0 ? undefined : members.join(',');
  }
  return [...members.filter((member) => !/^\s*lane\s*=/u.test(member)), `lane=${lane}`].join(',');
}
