import { isDeepStrictEqual } from 'node:util';
import type { BranchReply } from '@atone/core';
import type { Asking, CheckDesk, CheckedBranch, CheckOptions } from './check.desk.js';
import { withoutUndo, type Check } from './check.shape.js';

type Endpoint = CheckOptions['endpoint'];

const isConfirmable = (endpoint: Endpoint): boolean =>
  endpoint.kind === 'library' ? endpoint.isLed === true : endpoint.confirmPath !== undefined;

const hasNonces = (endpoint: Endpoint): boolean => endpoint.kind === 'library' && isConfirmable(endpoint);

/** What ends a call of a led transaction, each with a branch of its own. */
export const CONFIRM_CHECKS: readonly Check[] = [
  {
    name: 'a call tells how its branch is ended, and its repeat the same',
    sent: 'a call of a led transaction, and again',
    concerns: hasNonces,
    ask: async (desk, branch) => [await call(desk, branch), await call(desk, branch)],
    effectCount: 1,
    isGood: ([first, again]) => nonceOf(first) !== undefined && isDeepStrictEqual(first, again),
    remedy:
      'The answer to a call with `led` carries an `enlistment`, with a nonce that is drawn once, when the row of the barrier is first written.',
  },
  {
    name: 'a confirm says yes, and again to a repeat',
    sent: 'the call, its confirm, and the confirm again',
    concerns: isConfirmable,
    ask: async (desk, branch) => {
      const end = await callToEnd(desk, branch);
      return [await desk.ask(branch, 'confirm', end), await desk.ask(branch, 'confirm', end)];
    },
    effectCount: 1,
    isGood: (replies) => replies.every(isConfirmed),
    remedy: 'A confirm must not refuse, and what is confirmed already is answered 2xx (`confirmed`) again.',
  },
  {
    name: 'a confirm after the cancel is no yes',
    sent: 'the call, its cancel, and its confirm',
    concerns: isConfirmable,
    hindrance: withoutUndo,
    ask: async (desk, branch) => {
      const end = await callToEnd(desk, branch);
      return [await desk.ask(branch, 'compensate', end), await desk.ask(branch, 'confirm', end)];
    },
    effectCount: 0,
    isGood: ([undone, confirm]) => undone?.outcome === 'undone' && !isConfirmed(confirm),
    remedy: 'What is undone cannot be confirmed: answer 409 (`already-undone`), and change nothing.',
  },
  {
    name: 'a cancel after the confirm is no yes',
    sent: 'the call, its confirm, and its cancel',
    concerns: isConfirmable,
    hindrance: withoutUndo,
    ask: async (desk, branch) => {
      const end = await callToEnd(desk, branch);
      return [await desk.ask(branch, 'confirm', end), await desk.ask(branch, 'compensate', end)];
    },
    effectCount: 1,
    isGood: ([confirm, undo]) => isConfirmed(confirm) && undo?.outcome !== 'undone',
    remedy:
      'What is confirmed cannot be undone: answer 409 (`unknown` with the class `code`), and change nothing.',
  },
  {
    name: 'a confirm of what is not there is no yes',
    sent: 'a confirm whose call never came',
    concerns: isConfirmable,
    ask: async (desk, branch) => [await desk.ask(branch, 'confirm', { isLed: true, nonce: STRANGE_NONCE })],
    effectCount: 0,
    isGood: ([reply]) => !isConfirmed(reply),
    remedy:
      'Its effect was lost, with a database that was restored, say. Answer 409 (`lost`), so that somebody looks; a yes would say that all is well.',
  },
  {
    name: 'a confirm with another nonce is no yes',
    sent: 'the call, and a confirm with another nonce',
    concerns: hasNonces,
    ask: async (desk, branch) => {
      await call(desk, branch);
      return [await desk.ask(branch, 'confirm', { isLed: true, nonce: STRANGE_NONCE })];
    },
    effectCount: 1,
    isGood: ([reply]) => reply?.outcome === 'lost',
    remedy: 'Compare the nonce with that of the row, and answer `lost` where it differs.',
  },
];

const STRANGE_NONCE = 'nobody-drew-this';

function call(desk: CheckDesk, branch: CheckedBranch): Promise<BranchReply> {
  return desk.ask(branch, 'action', { isLed: true });
}

/** Makes a call, and returns what its end is to tell. */
async function callToEnd(desk: CheckDesk, branch: CheckedBranch): Promise<Asking> {
  const reply = await call(desk, branch);
  const output = reply.outcome === 'done' ? reply.output : undefined;
  return { isLed: true, output, nonce: nonceOf(reply) };
}

function nonceOf(reply: BranchReply | undefined): string | undefined {
  return reply?.outcome === 'done' ? reply.enlistment?.nonce : undefined;
}

function isConfirmed(reply: BranchReply | undefined): boolean {
  return reply?.outcome === 'confirmed';
}
