import type { BranchReply } from '@atone/core';
import { replyTo, type BranchCommand, type ReplyEnvelope } from '@atone/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { BranchTransport } from '../transport.port.js';

/** A participant as a test sees it: what it makes of a command. */
export type ParticipantAnswer = (command: BranchCommand) => BranchReply | Promise<BranchReply>;

/** A transport that was just made, and participants that it can reach. */
export interface TransportWorld {
  readonly transport: BranchTransport;
  /** Starts a participant, known to the transport, with one instance. */
  start(service: string, answer: ParticipantAnswer): Promise<void>;
  /** Ends a participant without a word: the transport still knows of it. */
  kill(service: string): Promise<void>;
  /** Lets what is due happen. Only for a world whose time stands still unless it is moved. */
  pass?(): Promise<void>;
  /** Closes the transport if it is open, and ends all participants. */
  end(): Promise<void>;
}

export interface TransportTraits {
  /** Whether it finds out that nobody listens. A queue does not, and leaves it to the reply timeout. */
  readonly noticesNobody: boolean;
}

const YES: BranchReply = { outcome: 'done', output: { ok: true } };
const PASS_COUNT_MAX = 10_000;

/** Describes what every transport promises; `makeWorld` is called for each test. */
export function describeTransportConformance(
  name: string,
  makeWorld: () => Promise<TransportWorld>,
  traits: TransportTraits = { noticesNobody: true },
): void {
  describe(`${name} is a transport`, () => {
    let desk: Desk;

    beforeEach(async () => {
      desk = new Desk(await makeWorld());
    });

    afterEach(async () => {
      await desk.world.end();
    });

    const open = (): Desk => desk;
    describeReplies(open);
    describeNeighbours(open);
    describeRepeats(open);
    describeClose(open);
    if (traits.noticesNobody) {
      describeNobody(open);
    }
  });
}

function describeReplies(open: () => Desk): void {
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

function describeNeighbours(open: () => Desk): void {
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

function describeRepeats(open: () => Desk): void {
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

function describeNobody(open: () => Desk): void {
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

function describeClose(open: () => Desk): void {
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

/** Sends commands and collects what comes back. */
class Desk {
  /** What came back, each once: a reply may come twice. */
  readonly replies: ReplyEnvelope[] = [];
  /** The branch at whose reply the sink throws. */
  throwsAt: string | undefined;
  private waiters: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(readonly world: TransportWorld) {
    world.transport.onReply((reply) => {
      this.take(reply);
    });
  }

  send(...commands: readonly BranchCommand[]): void {
    for (const command of commands) {
      this.world.transport.send(command);
    }
  }

  /** Waits until `count` different replies have come since the start. */
  async replied(count: number): Promise<void> {
    const { promise, resolve } = deferred();
    this.waiters.push({ count, resolve });
    this.wake();
    await this.until(promise);
  }

  /** Waits for `promise`, and moves the world on for as long as it takes. */
  async until(promise: Promise<unknown>): Promise<void> {
    const watch = { isOver: false };
    const over = promise.finally(() => {
      watch.isOver = true;
    });
    for (
      let count = 0;
      this.world.pass !== undefined && count < PASS_COUNT_MAX && !watch.isOver;
      count += 1
    ) {
      // oxlint-disable-next-line no-await-in-loop -- the world moves one step after the other.
      await this.world.pass();
    }
    await over;
  }

  /** Gives what should not happen the chance to happen. */
  async idle(): Promise<void> {
    for (let count = 0; count < 20; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- as above.
      await (this.world.pass?.() ?? immediate());
    }
  }

  private take(reply: ReplyEnvelope): void {
    if (!this.replies.some((known) => attemptOf(known) === attemptOf(reply))) {
      this.replies.push(reply);
    }
    this.wake();
    if (reply.branchId === this.throwsAt) {
      throw new Error('The sink throws.');
    }
  }

  private wake(): void {
    const isReached = ({ count }: { readonly count: number }): boolean => count <= this.replies.length;
    const reached = this.waiters.filter(isReached);
    this.waiters = this.waiters.filter((waiter) => !isReached(waiter));
    for (const waiter of reached) {
      waiter.resolve();
    }
  }
}

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

function deferred<Value = void>(): Deferred<Value> {
  const settle: { resolve?: (value: Value) => void } = {};
  const promise = new Promise<Value>((resolve) => {
    settle.resolve = resolve;
  });
  return { promise, resolve: (value) => settle.resolve?.(value) };
}

async function immediate(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function sorted(replies: readonly ReplyEnvelope[]): readonly ReplyEnvelope[] {
  return replies.toSorted((left, right) => attemptOf(left).localeCompare(attemptOf(right)));
}

function attemptOf({ gid, branchId, op, round, attempt }: ReplyEnvelope): string {
  return `${gid} ${branchId} ${op} ${round} ${attempt}`;
}

function gidOf(count: number): string {
  return `0193d6c0-0000-7000-8000-${String(count).padStart(12, '0')}`;
}

/** Returns the first attempt of an action, with what the test is about in place of the ordinary. */
export function commandTo(service: string, change: Partial<BranchCommand> = {}): BranchCommand {
  return {
    gid: gidOf(1),
    branchId: 'reserve',
    op: 'action',
    round: 1,
    attempt: 1,
    service,
    action: 'reserve',
    input: { sku: 'a-1' },
    issuedAt: 1_767_225_600_000,
    ...change,
  };
}
