import { describe, expect, test } from '@jest/globals';
import { BranchConflictError } from './errors.js';
import { presumedAborted, withBranches } from './led.plan.js';
import { advance, NOW } from './testing/sagas.js';
import { active, decided, decision, LED, ledBranch, plainBranch, UNDONE, LedStory } from './testing/leds.js';

const START = { gid: 'g1', name: 'test', led: LED, acceptedAt: NOW } as const;

describe('a transaction that the log hears of by its decision', () => {
  test('to commit holds what is listed and what threw, in the order of the calls', () => {
    const saga = decided(decision('commit', ['1', '3'], { thrown: [ledBranch('2', { nonce: undefined })] }));

    expect(saga).toMatchObject({ gid: 'g1', state: 'committing', memory: 'broken', acceptedAt: NOW });
    expect(saga.history).toEqual([{ at: NOW, what: 'committing' }]);
    expect(saga.abort).toBeUndefined();
    expect(saga.plan).toEqual({
      name: 'test',
      input: null,
      led: LED,
      steps: [
        stepOf('1', [], 'follow'),
        { ...stepOf('2', ['1'], 'undo'), led: ledOf('2', 'undo', undefined) },
        stepOf('3', ['2'], 'follow'),
      ],
    });
    expect(saga.branches).toEqual([branchOf('1', 'done'), branchOf('2', 'unknown'), branchOf('3', 'done')]);
  });

  test('to abort tells why', () => {
    const saga = decided(decision('abort', ['1'], { message: 'no credit' }));

    expect(saga.state).toBe('aborting');
    expect(saga.abort).toEqual({ code: 'initiator', message: 'no credit' });
    expect(saga.history).toEqual([{ at: NOW, what: 'aborting', message: 'initiator: no credit' }]);
  });

  test('to abort needs no reason', () => {
    expect(decided(decision('abort', [])).abort?.message).toBe('The initiator aborted.');
  });

  test.each([
    [
      'tells a branch twice, with another nonce',
      decision('commit', ['1', ledBranch('1', { nonce: 'other' })]),
      "Branch '1' is told twice, and not in the same way.",
    ],
    [
      'lists what threw',
      decision('commit', ['1', '2'], { thrown: [ledBranch('2')] }),
      "Branch '2' is on the list, although its call or one above it threw.",
    ],
    [
      'lists what was called below a call that threw',
      decision('commit', ['1', '2~k7.1~m3.1'], { thrown: [ledBranch('2')] }),
      "Branch '2~k7.1~m3.1' is on the list, although its call or one above it threw.",
    ],
    [
      'counts on branches that were never registered',
      decision('commit', ['1'], { registered: [{ prefix: '1~k7.', count: 2 }] }),
      "The decision counts on 2 branches registered below '1~k7.', and there are 0.",
    ],
  ])('is refused when it %s', (...[, asked, message]) => {
    expect(() => decided(asked)).toThrow(new BranchConflictError(message));
  });

  test('to abort is never refused: whatever is told of a branch, it is undone', () => {
    const story = LedStory.decided(
      decision('abort', ['1', ledBranch('1', { nonce: 'other' }), '2'], {
        thrown: [ledBranch('2')],
        registered: [{ prefix: '1~k7.', count: 2 }],
      }),
    );

    story.answer('2', UNDONE).answer('1', UNDONE);

    expect(story.saga.state).toBe('aborted');
  });

  test('holds a branch once that its list tells twice in the same way', () => {
    expect(decided(decision('commit', ['1', '1'])).branches.map(({ branchId }) => branchId)).toEqual(['1']);
  });
});

describe('a transaction of which branches are registered', () => {
  test('is undecided and due at its deadline', () => {
    const saga = active('1', plainBranch('2'));

    expect(saga).toMatchObject({ state: 'active', deadlineAt: NOW + 30_000 });
    expect(saga.history).toEqual([{ at: NOW, what: 'registered' }]);
    expect(saga.plan.steps).toEqual([
      stepOf('1', [], 'follow'),
      {
        ...stepOf('2', ['1'], 'follow'),
        hasBarrier: false,
        led: { ...ledOf('2', 'follow', undefined), inputHash: undefined },
      },
    ]);
    expect(saga.branches).toEqual([branchOf('1', 'done'), branchOf('2', 'done')]);
  });

  test('is refused when a branch is told twice, and not in the same way', () => {
    expect(() => active('1', ledBranch('1', { service: 'other' }))).toThrow(BranchConflictError);
  });

  test('stays the very same when nothing new is told of it', () => {
    const saga = active('1');

    expect(withBranches(saga, [ledBranch('1')], 'follow')).toBe(saga);
  });

  test('keeps what a service without a barrier has sent and answered', () => {
    const saga = active(plainBranch('1', { input: { seat: 4 }, output: 'held' }));

    expect(saga.plan.steps[0]?.input).toEqual({ seat: 4 });
    expect(saga.branches[0]?.output).toBe('held');
  });
});

describe('a transaction of which only somebody in doubt knew', () => {
  test('is aborted, and that is all', () => {
    const saga = presumedAborted(START);

    const message = 'A participant asked after its deadline, and nobody had decided.';
    expect(saga).toMatchObject({ state: 'aborted', endedAt: NOW, abort: { code: 'presumed', message } });
    expect(saga.branches).toEqual([]);
    expect(saga.history).toEqual([{ at: NOW, what: 'aborted', message: `presumed: ${message}` }]);
  });

  test('is a late commit lost to', () => {
    const late = { type: 'decide', decision: decision('commit', ['1']) } as const;

    expect(() => advance(presumedAborted(START), late)).toThrow(
      'Transaction g1 is aborted. That never changes.',
    );
  });

  test('says so whatever secret a doubt has told: there is nothing left to decide', () => {
    const forged = presumedAborted({ ...START, led: { ...START.led, secretHash: 'told by somebody' } });
    const late = { type: 'decide', decision: decision('commit', ['1']) } as const;

    expect(() => advance(forged, late)).toThrow('Transaction g1 is aborted. That never changes.');
  });

  test('is what an initiator that aborts wants, too', () => {
    const saga = presumedAborted(START);

    expect(advance(saga, { type: 'decide', decision: decision('abort', ['1']) })).toEqual({
      saga,
      commands: [],
      durability: 'lazy',
    });
  });
});

function stepOf(branchId: string, after: readonly string[], goal: 'follow' | 'undo'): object {
  return {
    branchId,
    service: `service-${branchId}`,
    action: 'hold',
    input: null,
    after,
    pivot: false,
    onRefusal: 'abort',
    hasBarrier: true,
    canUndo: true,
    led: ledOf(branchId, goal, `nonce-${branchId}`),
  };
}

function ledOf(branchId: string, goal: 'follow' | 'undo', nonce: string | undefined): object {
  return { kind: 'tcc', nonce, inputHash: `hash-${branchId}`, goal };
}

function branchOf(branchId: string, state: string): object {
  return { branchId, state, round: 1, undoRound: 1, attempt: 0, isInFlight: false, wasSent: true };
}
