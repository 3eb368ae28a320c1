import type { BranchErrorClass, BranchReply } from '@atone/core';

/** Tells what to look at where the first action of all got another answer than a yes. */
export function howToGetAYes(reply: BranchReply | undefined): string {
  if (reply?.outcome === 'refused') {
    return 'Give an input that is accepted.';
  }
  if (reply?.outcome === 'not-yet') {
    return 'Have the work end sooner: its answer was asked for several times.';
  }
  return reply?.outcome === 'unknown' ? LOOK_AT[reply.error.class] : 'This answer does not fit a new branch.';
}

const LOOK_AT: Readonly<Record<BranchErrorClass, string>> = {
  unreachable: 'Start the participant, or correct the address.',
  timeout: 'Look into the log of the participant for what takes so long, or give it more time (--timeout).',
  'action-gone': 'Correct the path, or the names of the service and the action.',
  'bad-payload': 'Give an input that fits the action.',
  code: 'Look into the log of the participant for the error.',
  error:
    'Check the address, the secret and the input; if none is wrong, look into the log of the participant.',
};
