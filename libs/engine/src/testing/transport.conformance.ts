import type { BranchReply } from '@atone/core';
import { replyTo, type BranchCommand } from '@atone/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeTransportCommands } from './transport.commands.js';
import {
  ANSWER_WITHIN_MS,
  commandTo,
  deferred,
  gidOf,
  sorted,
  TransportDesk,
  YES,
  type TransportWorld,
} from './transport.desk.js';

export { commandTo, type ParticipantAnswer, type TransportWorld } from './transport.desk.js';

export interface TransportTraits {
  /** Whether it finds out that nobody listens. A queue does not, and leaves it to the reply timeout. */
  readonly noticesNobody: boolean;
  /** Whether it takes an answer's whole time to find out that a participant has died; otherwise it is told at once. */
  readonly noticesDeathLate?: boolean;
  /** Whether commands may wait in it before they leave; then the world holds them back on demand. */
  readonly hasQueue: boolean;
  /** How many random runs there are; 100 if nothing is said. */
  readonly runCount?: number;
}

/** Describes what every transport promises; `makeWorld` is called for each test. */
export function describeTransportConformance(
  name: string,
  makeWorld: () => Promise<TransportWorld>,
  traits: TransportTraits = { noticesNobody: true, hasQueue: true },
): void {
  const { noticesNobody, hasQueue, noticesDeathLate = false, runCount = 100 } = traits;
  describe(`${name} is a transport`, () => {
    describeTransportCommands(makeWorld, { noticesNobody, noticesDeathLate, runCount });
    describeTransportExamples(makeWorld, { noticesNobody, hasQueue });
  });
}

function describeTransportExamples(
  makeWorld: () => Promise<TransportWorld>,
  { noticesNobody, hasQueue }: TransportTraits,
): void {
  describe('example by example', () => {
    let desk: TransportDesk;

    beforeEach(async () => {
      desk = new TransportDesk(await makeWorld());
    });

    afterEach(async () => {
      await desk.world.end();
    });

    const open = (): TransportDesk => desk;
    describeReplies(open);
    describeNeighbours(open);
    describeRepeats(open);
    describeClose(open);
    describeGivenUp(open);
    if (hasQueue) {
      describeWaiting(open);
    }
    if (noticesNobody) {
      describeNobody(open);
    }
  });
}

function describeReplies(open: () => TransportDesk): void {
  test('every command gets a reply that names its gid, branch, op, round and attempt', async () => {
    const desk = open();
    await desk.world.start('stock', () => YES);
    const commands = [
      commandTo('stock'),
      commandTo('stock', { branchId: 'pay', round: 2, attempt: 3 }),
      commandTo('stock', { gid: gidOf(2), op: 'compensate', reason: 'refused' }),
      commandTo('stock', { gid: gidOf(3), op: 'close-action' }),
    ];

    desk.send(...commands);

    await desk.replied(commands.length);
    expect(sorted(desk.replies)).toEqual(sorted(commands.map((command) => replyTo(command, YES))));
  });

  test('what the participant answers arrives as it was given', async () => {
    const desk = open();
    const answers: readonly BranchReply[] = [
      { outcome: 'done', output: { text: 'zwölf\n€', list: [1, null] } },
      { outcome: 'refused', refusal: { reason: 'no stock', details: { left: 0 }, isStored: true } },
      { outcome: 'undone', wasEmpty: true },
      { outcome: 'already-undone' },
      { outcome: 'closed' },
      { outcome: 'not-yet', retryAfterMs: 250 },
      { outcome: 'unknown', error: { class: 'code', message: 'A bug.' } },
    ];
    await desk.world.start('stock', ({ round }) => answers[round - 1] ?? YES);
    const commands = answers.map((_, index) => commandTo('stock', { round: index + 1 }));

    desk.send(...commands);

    await desk.replied(commands.length);
    const inOrder = desk.replies.toSorted((left, right) => left.round - right.round);
    expect(inOrder.map((envelope) => envelope.reply)).toEqual(answers);
  });

  test('a participant gets the command as it was handed over', async () => {
    const desk = open();
    const seen: BranchCommand[] = [];
    await desk.world.start('stock', (command) => {
      seen.push(command);
      return YES;
    });
    const command = commandTo('stock', { input: { sku: 'a-1', counts: [1, 2] }, remainingMs: 5_000 });

    desk.send(command);

    await desk.replied(1);
    expect(seen).toEqual([command]);
  });
}

function describeNeighbours(open: () => TransportDesk): void {
  test('a slow command does not hold up the replies to others', async () => {
    const desk = open();
    const slow = deferred<BranchReply>();
    await desk.world.start('stock', ({ branchId }) => (branchId === 'slow' ? slow.promise : YES));

    desk.send(commandTo('stock', { branchId: 'slow' }), commandTo('stock', { branchId: 'quick' }));

    await desk.replied(1);
    expect(desk.replies.map(({ branchId }) => branchId)).toEqual(['quick']);
    slow.resolve(YES);
    await desk.replied(2);
  });

  test('a sink that throws keeps no other reply back', async () => {
    const desk = open();
    await desk.world.start('stock', () => YES);
    desk.throwsAt = 'bad';

    desk.send(commandTo('stock', { branchId: 'bad' }), commandTo('stock', { branchId: 'good' }));

    await desk.replied(2);
    expect(desk.replies.map(({ branchId }) => branchId).toSorted()).toEqual(['bad', 'good']);
  });
}

function describeRepeats(open: () => TransportDesk): void {
  test('a command that is handed over again is delivered again', async () => {
    const desk = open();
    const again = deferred();
    const seen: BranchCommand[] = [];
    await desk.world.start('stock', (command) => {
      if (seen.push(command) === 2) {
        again.resolve();
      }
      return YES;
    });
    desk.send(commandTo('stock'));
    await desk.replied(1);

    desk.send(commandTo('stock'));

    await desk.until(again.promise);
    expect(seen).toEqual([commandTo('stock'), commandTo('stock')]);
  });

  test('no reply comes while a command is being handed over', async () => {
    const desk = open();
    await desk.world.start('stock', () => YES);

    desk.send(commandTo('stock'), commandTo('nobody'));

    expect(desk.replies).toEqual([]);
    await desk.replied(1);
  });
}

function describeNobody(open: () => TransportDesk): void {
  test('a participant that is down leaves the outcome unknown, and never refused', async () => {
    const desk = open();
    await desk.world.start('stock', () => YES);
    await desk.world.kill('stock');

    desk.send(commandTo('stock'));

    await desk.replied(1);
    expect(desk.replies[0]).toMatchObject({
      branchId: 'reserve',
      attempt: 1,
      reply: { outcome: 'unknown', error: { class: 'unreachable' } },
    });
  });

  test('a service without a known instance is named in the reply', async () => {
    const desk = open();

    desk.send(commandTo('nobody'));

    await desk.replied(1);
    expect(desk.replies[0]?.reply).toMatchObject({
      outcome: 'unknown',
      error: { class: 'unreachable', message: expect.stringContaining("'nobody'") },
    });
  });

  test('a participant that is down holds up no other participant', async () => {
    const desk = open();
    await desk.world.start('stock', () => YES);
    await desk.world.start('pay', () => YES);
    await desk.world.kill('pay');

    desk.send(commandTo('pay', { branchId: 'pay' }), commandTo('stock', { branchId: 'stock' }));

    await desk.replied(2);
    const outcomes = Object.fromEntries(desk.replies.map((reply) => [reply.branchId, reply.reply.outcome]));
    expect(outcomes).toEqual({ pay: 'unknown', stock: 'done' });
  });
}

function describeClose(open: () => TransportDesk): void {
  test('a closed transport sends nothing any more', async () => {
    const desk = open();
    let count = 0;
    await desk.world.start('stock', () => {
      count += 1;
      return YES;
    });
    desk.send(commandTo('stock'));
    await desk.replied(1);

    await desk.world.transport.close();
    desk.send(commandTo('stock', { attempt: 2 }));

    await desk.idle();
    expect({ count, replies: desk.replies.length }).toEqual({ count: 1, replies: 1 });
  });

  test('a transport that is being closed still brings the reply to what is in flight', async () => {
    const desk = open();
    const asked = deferred();
    const answer = deferred<BranchReply>();
    await desk.world.start('stock', async () => {
      asked.resolve();
      return answer.promise;
    });
    desk.send(commandTo('stock'));
    await desk.until(asked.promise);

    const closed = desk.world.transport.close();
    answer.resolve(YES);

    await desk.until(closed);
    expect(desk.replies.map(({ reply }) => reply)).toEqual([YES]);
  });
}

function describeGivenUp(open: () => TransportDesk): void {
  test('a command that is given up when it is handed over never arrives', async () => {
    const desk = open();
    const seen = await desk.witness('stock');

    desk.world.transport.send(commandTo('stock', { branchId: 'given-up' }), 0);
    desk.send(commandTo('stock', { branchId: 'next' }));

    await desk.repliedTo('next');
    await desk.idle();
    expect(seen).toEqual(['action next']);
  });
}

function describeWaiting(open: () => TransportDesk): void {
  test('a command that was given up before it could leave never arrives later', async () => {
    const desk = open();
    const seen = await desk.witness('stock');
    const release = await desk.world.holdBack?.('stock');
    desk.send(commandTo('stock', { branchId: 'given-up' }));

    await desk.world.elapse?.(ANSWER_WITHIN_MS);
    release?.();

    desk.send(commandTo('stock', { branchId: 'next' }));
    await desk.repliedTo('next');
    expect(seen).toEqual(expect.arrayContaining(['action next']));
    expect(seen).not.toContain('action given-up');
  });

  test('an action that could not leave before its undo never arrives later', async () => {
    const desk = open();
    const seen = await desk.witness('stock');
    const release = await desk.world.holdBack?.('stock');
    desk.send(commandTo('stock', { branchId: 'undone' }));

    desk.send(commandTo('stock', { branchId: 'undone', op: 'compensate', reason: 'refused' }));
    release?.();

    desk.send(commandTo('stock', { branchId: 'next' }));
    await desk.repliedTo('next');
    await desk.repliedTo('undone');
    expect(seen).toEqual(expect.arrayContaining(['compensate undone', 'action next']));
    expect(seen).not.toContain('action undone');
  });
}
