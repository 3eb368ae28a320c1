import { isDeepStrictEqual } from 'node:util';
import type { BranchReply, Json } from '@atone/core';
import type { SigningKey } from '@atone/protocol';
import { CONFIRM_CHECKS } from './check.confirm.js';
import { howToGetAYes } from './first.remedy.js';
import {
  atAnotherDesk,
  type CheckDesk,
  type CheckedBranch,
  type CheckOptions,
  type Signing,
} from './check.desk.js';
import { withoutUndo, type Check } from './check.shape.js';

const withoutSecret = ({ signingKey }: CheckOptions): string | undefined =>
  signingKey === undefined ? 'give the secret, if there is one (--signing-key)' : undefined;

const STRANGE_SIGNINGS: readonly {
  readonly how: string;
  readonly signingOf: (key: SigningKey | undefined) => Signing;
}[] = [
  { how: 'no', signingOf: () => ({ key: undefined }) },
  {
    how: 'a wrong',
    signingOf: (key) => ({ key: key && { ...key, secret: 'not the secret that they share' } }),
  },
  { how: 'an old', signingOf: (key) => ({ key, aheadMs: -3_600_000 }) },
];

const FIRST: Check = {
  name: 'the action is carried out',
  sent: 'the action',
  ask: async (desk, branch) => [await desk.ask(branch, 'action')],
  effectCount: 1,
  isGood: ([reply]) => reply?.outcome === 'done',
  remedy: ([reply]) =>
    `${howToGetAYes(reply)} Nothing else can be checked before an action is answered with a yes.`,
};

/** In the order in which they are made, each with a branch of its own. Without the first the others mean nothing. */
export const CHECKS: readonly Check[] = [
  FIRST,
  {
    name: 'a repeat gets the same answer',
    sent: 'the action, and again under the same key',
    ask: async (desk, branch) => [await desk.ask(branch, 'action'), await desk.ask(branch, 'action')],
    effectCount: 1,
    isGood: ([first, again]) => isDeepStrictEqual(first, again),
    remedy:
      'Keep each key with its answer, in the same database transaction as the effect, and give that answer to a repeat.',
  },
  {
    name: 'two requests at once are one effect',
    sent: 'the action twice at once, and once more',
    ask: async (desk, branch) => {
      const both = await Promise.all([
        desk.ask(branch, 'action'),
        atAnotherDesk(desk, (other) => other.ask(branch, 'action')),
      ]);
      return [...both.filter(isYes), await desk.ask(branch, 'action')];
    },
    effectCount: 1,
    isGood: (replies) => replies.every((reply) => isYes(reply) && isDeepStrictEqual(reply, replies.at(-1))),
    remedy:
      'Let the database decide which one comes first (a unique key on what names the branch), not a look beforehand. The other one waits for it, or is told 425.',
  },
  {
    name: 'the compensation undoes the action',
    sent: 'the action, and its compensation',
    hindrance: withoutUndo,
    ask: actAndUndo,
    effectCount: 0,
    isGood: (replies) => replies.at(-1)?.outcome === 'undone',
    remedy: 'A compensation of what was done takes it back, and answers 2xx (`undone`).',
  },
  {
    name: 'a repeated compensation says yes again',
    sent: 'the action, its compensation, and the compensation again',
    hindrance: withoutUndo,
    ask: async (desk, branch) => [...(await actAndUndo(desk, branch)), await desk.ask(branch, 'compensate')],
    effectCount: 0,
    isGood: (replies) => replies.at(-1)?.outcome === 'undone',
    remedy: 'What is undone already is answered 2xx (`undone`) again, and nothing is taken back twice.',
  },
  {
    name: 'a compensation without an action changes nothing and says yes',
    sent: 'a compensation whose action never came',
    hindrance: withoutUndo,
    ask: async (desk, branch) => [await desk.ask(branch, 'compensate')],
    effectCount: 0,
    isGood: ([reply]) => reply?.outcome === 'undone',
    remedy:
      'The action may never have arrived: note that the branch is undone, change nothing else, and answer 2xx (`undone`).',
  },
  {
    name: 'an action after its compensation does nothing',
    sent: 'a compensation, and then its action',
    hindrance: withoutUndo,
    ask: async (desk, branch) => [await desk.ask(branch, 'compensate'), await desk.ask(branch, 'action')],
    effectCount: 0,
    isGood: (replies) => isBlocked(replies.at(-1)),
    remedy:
      'Have a compensation leave a record even where there is nothing to undo, and look for it before the action: if it is there, answer 409 (`already-undone`).',
  },
  {
    name: 'a repeat after the compensation does nothing',
    sent: 'the action, its compensation, and the action again',
    hindrance: withoutUndo,
    ask: async (desk, branch) => [...(await actAndUndo(desk, branch)), await desk.ask(branch, 'action')],
    effectCount: 0,
    isGood: (replies) => isBlocked(replies.at(-1)) || isDeepStrictEqual(replies[0], replies.at(-1)),
    openQuestion: (replies) =>
      isYes(replies.at(-1))
        ? 'it answers as before, and did nothing only if no effect was added: count them (--count-url)'
        : undefined,
    remedy:
      'An undo closes the branch: a repeat of the action gets 409 (`already-undone`), and does nothing.',
  },
  {
    name: 'a repeat with another input gets no yes',
    sent: 'the action, and another input under the same key',
    hindrance: ({ otherInput }) =>
      otherInput === undefined ? 'give another input (--other-input)' : undefined,
    ask: async (desk, branch) => {
      const { otherInput } = desk.options;
      return [await desk.ask(branch, 'action'), await desk.ask(branch, 'action', { input: otherInput })];
    },
    effectCount: 1,
    isGood: ([, other], kind) => (kind === 'library' ? isUnknown(other, 'bad-payload') : !isYes(other)),
    remedy:
      'Keep a hash of the input with the key. Where it differs, answer 409 (`unknown` with the class `bad-payload`), and do nothing.',
  },
  {
    name: 'a refusal stays one',
    sent: 'an action that is refused, and again',
    hindrance: ({ refusedInput }) =>
      refusedInput === undefined ? 'give an input that is refused (--refused-input)' : undefined,
    ask: async (desk, branch) => {
      const asking = { input: desk.options.refusedInput };
      return [await desk.ask(branch, 'action', asking), await desk.ask(branch, 'action', asking)];
    },
    effectCount: 0,
    isGood: ([first, again]) => first?.outcome === 'refused' && isDeepStrictEqual(first, again),
    remedy:
      'A no for business reasons is 409 (`refused`), leaves no effect, and is kept: its repeat gets the same no.',
  },
  {
    name: 'an unknown action is told as such',
    sent: 'an action that nobody has',
    concerns: ({ kind }) => kind === 'library',
    ask: async (desk, branch) => [await desk.ask(branch, 'action', { action: 'no-such-action' })],
    effectCount: 0,
    isGood: ([reply]) => isUnknown(reply, 'action-gone'),
    remedy: 'Answer `unknown` with the class `action-gone`: another instance may have it.',
  },
  {
    name: 'a closed round takes no action',
    sent: 'close-action, and then the action',
    concerns: ({ kind }) => kind === 'library',
    ask: async (desk, branch) => [await desk.ask(branch, 'close-action'), await desk.ask(branch, 'action')],
    effectCount: 0,
    isGood: ([closed, late]) => closed?.outcome === 'closed' && late?.outcome === 'refused',
    remedy: 'Closing stores a refusal for the round where no answer is stored: the late action gets it.',
  },
  ...CONFIRM_CHECKS,
  ...STRANGE_SIGNINGS.map(({ how, signingOf }): Check => ({
    name: `a request with ${how} signature is refused`,
    sent: `the action with ${how} signature`,
    hindrance: withoutSecret,
    ask: async (desk, branch) => {
      const signing = signingOf(desk.options.signingKey);
      return atAnotherDesk(desk, async (stranger) => [await stranger.ask(branch, 'action')], signing);
    },
    effectCount: 0,
    isGood: ([reply]) => reply?.outcome === 'unknown' && /answered 40[13]/u.test(reply.error.message),
    remedy:
      'Check the signature over the octets as they came before anything else, its time too, and answer 401 where it is not good.',
  })),
];

async function actAndUndo(desk: CheckDesk, branch: CheckedBranch): Promise<readonly BranchReply[]> {
  const done = await desk.ask(branch, 'action');
  const output: Json | undefined = done.outcome === 'done' ? done.output : undefined;
  return [done, await desk.ask(branch, 'compensate', { output })];
}

function isYes(reply: BranchReply | undefined): boolean {
  return reply?.outcome === 'done';
}

function isBlocked(reply: BranchReply | undefined): boolean {
  return reply?.outcome === 'refused' || reply?.outcome === 'already-undone';
}

function isUnknown(reply: BranchReply | undefined, errorClass: string): boolean {
  return reply?.outcome === 'unknown' && reply.error.class === errorClass;
}
