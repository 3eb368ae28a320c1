import { INSTANCE_GONE_AFTER_MS } from '@atone/engine';
import { expect, test } from '@jest/globals';
import { chooseInstance, type InstanceHealth, type Wanted } from './instance.choice.js';
import type { HttpInstance } from './participant.address.js';

const NOW = 1_767_225_600_000;

function instance(name: string, more: { lane?: string; ageMs?: number } = {}): HttpInstance {
  const { lane, ageMs = 0 } = more;
  return {
    service: 'stock',
    instance: name,
    baseUrl: 'http://stock',
    kind: 'library',
    protocol: 1,
    actions: [],
    registeredAt: NOW,
    seenAt: NOW - ageMs,
    ...(lane === undefined ? {} : { lane }),
  };
}

/** Returns who is chosen in `count` turns, one after the other. */
function chosen(
  instances: readonly HttpInstance[],
  more: { count?: number; lane?: string; full?: readonly string[]; avoided?: readonly string[] } = {},
): readonly string[] {
  const { count = 1, lane, full = [], avoided = [] } = more;
  const health: InstanceHealth = {
    hasRoom: (candidate) => !full.includes(candidate.instance),
    isAvoided: (candidate) => avoided.includes(candidate.instance),
  };
  return Array.from({ length: count }, (_, turn) => {
    const wanted: Wanted = { lane, turn, nowMs: NOW };
    const choice = chooseInstance(instances, wanted, health);
    return choice.type === 'instance' ? choice.instance.instance : choice.type;
  });
}

const a = instance('a');
const b = instance('b');
const blue = instance('blue', { lane: 'blue' });
const goneBlue = instance('gone-blue', { lane: 'blue', ageMs: INSTANCE_GONE_AFTER_MS });
const gone = instance('gone', { ageMs: INSTANCE_GONE_AFTER_MS });

test('instances take turns', () => {
  expect(chosen([a, b], { count: 4 })).toEqual(['a', 'b', 'a', 'b']);
});

test('a command of a lane goes to an instance of that lane', () => {
  expect(chosen([a, blue, b], { count: 3, lane: 'blue' })).toEqual(['blue', 'blue', 'blue']);
});

test('a lane without a living instance falls back to those outside of lanes', () => {
  expect(chosen([a, goneBlue], { count: 2, lane: 'blue' })).toEqual(['a', 'a']);
});

test('a command outside of lanes never goes to an instance of a lane', () => {
  expect(chosen([blue])).toEqual(['none']);
  expect(chosen([blue, gone])).toEqual(['gone']);
});

test('a command never goes to an instance of another lane', () => {
  expect(chosen([blue], { lane: 'green' })).toEqual(['none']);
});

test('an instance that is gone is asked only when no other is there', () => {
  expect(chosen([gone, a], { count: 2 })).toEqual(['a', 'a']);
  expect(chosen([gone])).toEqual(['gone']);
  expect(chosen([gone, goneBlue], { lane: 'blue' })).toEqual(['gone-blue']);
});

test('an instance that could not be reached is passed over while another is there', () => {
  expect(chosen([a, b], { count: 2, avoided: ['a'] })).toEqual(['b', 'b']);
  expect(chosen([a, b], { count: 2, avoided: ['a', 'b'] })).toEqual(['a', 'b']);
  expect(chosen([a], { avoided: ['a'] })).toEqual(['a']);
});

test('while all who can be reached are full, commands wait', () => {
  expect(chosen([a, b], { full: ['a'] })).toEqual(['b']);
  expect(chosen([a, b], { full: ['a', 'b'] })).toEqual(['full']);
  expect(chosen([a, b], { full: ['a'], avoided: ['b'] })).toEqual(['full']);
});
