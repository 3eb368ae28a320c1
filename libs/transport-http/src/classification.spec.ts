import type { BranchReply } from '@atone/core';
import { commandTo } from '@atone/engine/conformance';
import { ManualClock } from '@atone/engine/testing';
import { describe, expect, test } from '@jest/globals';
import {
  classifyPlain,
  LIBRARY_STATUSES,
  libraryMeaning,
  plainMeaning,
  PLAIN_STATUSES,
  statusMessage,
  type PlainAnswer,
} from './classification.js';

const nowMs = new ManualClock().now();
const action = commandTo('stock');
const undo = commandTo('stock', { op: 'compensate' });
const done = (output: string | object | null): BranchReply => ({ outcome: 'done', output: output as never });
const refused = (reason: string, details?: object): BranchReply => ({
  outcome: 'refused',
  refusal: { reason, ...(details === undefined ? {} : { details: details as never }), isStored: true },
});
const notYet = (retryAfterMs: number): BranchReply => ({ outcome: 'not-yet', retryAfterMs });

function answer(status: number, text = '', more: Partial<PlainAnswer> = {}): PlainAnswer {
  return { status, text, headers: {}, isWhole: true, ...more };
}

function retryAfter(value: string): Partial<PlainAnswer> {
  return { headers: { 'retry-after': value } };
}

describe('the answer of a plain endpoint to an action', () => {
  test.each<[string, PlainAnswer, BranchReply]>([
    ['200 with JSON is done', answer(200, '{"id":7}'), done({ id: 7 })],
    ['201 with a JSON string is done', answer(201, '"r-7"'), done('r-7')],
    ['204 is done without output', answer(204), done(null)],
    ['200 with blanks only is done without output', answer(200, ' \n'), done(null)],
    ['202 is not yet, and asked again after a second', answer(202), notYet(1_000)],
    ['202 with a time is asked again after it', answer(202, '', retryAfter('7')), notYet(7_000)],
    ['425 is not yet', answer(425), notYet(1_000)],
    [
      '425 with a date is asked again then',
      answer(425, '', retryAfter(new Date(nowMs + 90_000).toUTCString())),
      notYet(90_000),
    ],
    [
      'a date in the past is asked again soon',
      answer(202, '', retryAfter(new Date(0).toUTCString())),
      notYet(100),
    ],
    ['zero seconds are no busy loop', answer(202, '', retryAfter('0')), notYet(100)],
    ['a year is asked again in an hour', answer(202, '', retryAfter('31536000')), notYet(3_600_000)],
    ['a time that makes no sense is a second', answer(202, '', retryAfter('soon')), notYet(1_000)],
    ['409 without a body is refused', answer(409), refused('no reason was given')],
    ['409 with text is refused for it', answer(409, 'no stock\n'), refused('no stock')],
    ['409 with a reason is refused for it', answer(409, '{"reason":"no stock"}'), refused('no stock')],
    [
      '409 with a problem document is refused for its detail',
      answer(409, '{"type":"about:blank","title":"Conflict","status":409,"detail":"no stock","left":0}'),
      refused('no stock', { left: 0 }),
    ],
    ['409 with only a title is refused for it', answer(409, '{"title":"no stock"}'), refused('no stock')],
    [
      '409 with details passes them on',
      answer(409, '{"reason":"no stock","details":{"left":0}}'),
      refused('no stock', { left: 0 }),
    ],
    ['a reason is cut at 1 kB', answer(409, 'x'.repeat(5_000)), refused('x'.repeat(1_024))],
    ['409 is refused even if its body is too large', answer(409, 'no', { isWhole: false }), refused('no')],
  ])('%s', (_title, given, reply) => {
    expect(classifyPlain(action, given, nowMs)).toEqual(reply);
  });

  test.each<[string, PlainAnswer]>([
    ['is not JSON', answer(200, '<html>')],
    ['nests without end', answer(200, '['.repeat(30_000) + ']'.repeat(30_000))],
    ['is too large', answer(200, '"xxx', { isWhole: false })],
  ])('a yes whose body %s is unknown', (_title, given) => {
    expect(classifyPlain(action, given, nowMs)).toMatchObject({
      outcome: 'unknown',
      error: { class: 'error' },
    });
  });
});

describe('the answer of a plain endpoint to a compensation', () => {
  test.each<[string, PlainAnswer, BranchReply]>([
    ['any yes is undone', answer(200, '<html>'), { outcome: 'undone', wasEmpty: false }],
    ['204 is undone', answer(204), { outcome: 'undone', wasEmpty: false }],
    ['202 is not yet', answer(202), notYet(1_000)],
    ['409 is refused', answer(409, 'shipped'), refused('shipped')],
  ])('%s', (_title, given, reply) => {
    expect(classifyPlain(undo, given, nowMs)).toEqual(reply);
  });
});

describe('a status that is no clear answer', () => {
  test.each([
    [404, 'action-gone'],
    [405, 'action-gone'],
    [501, 'action-gone'],
    [408, 'unreachable'],
    [429, 'unreachable'],
    [503, 'unreachable'],
    [301, 'error'],
    [307, 'error'],
    [400, 'error'],
    [401, 'error'],
    [403, 'error'],
    [410, 'error'],
    [422, 'error'],
    [500, 'error'],
    [502, 'error'],
    [504, 'error'],
  ])('%i of a plain endpoint is unknown of the class %s, for action and undo', (status, errorClass) => {
    for (const command of [action, undo]) {
      expect(classifyPlain(command, answer(status, 'x'), nowMs)).toMatchObject({
        outcome: 'unknown',
        error: { class: errorClass },
      });
    }
  });

  test('of all statuses only 409 of a plain endpoint means a refusal', () => {
    const statuses = Array.from({ length: 600 }, (_, status) => status);

    expect(statuses.filter((status) => plainMeaning(status) === 'refused')).toEqual([409]);
    expect(statuses.filter((status) => libraryMeaning(status) === 'refused')).toEqual([]);
  });

  test('a library participant answers in its lines: no status is more than reached or not', () => {
    expect(Object.keys(LIBRARY_STATUSES).map(Number)).toEqual([404, 405, 408, 429, 503]);
    expect(new Set(Object.values(LIBRARY_STATUSES))).toEqual(new Set(['unreachable']));
    expect([200, 202, 204, 301, 401, 409, 500].map(libraryMeaning)).toEqual([
      'yes',
      'yes',
      'yes',
      'error',
      'error',
      'error',
      'error',
    ]);
    expect(PLAIN_STATUSES[200]).toBeUndefined();
  });
});

describe('the message for an operator', () => {
  test.each([401, 403])('names the secret at %i, and what the participant says', (status) => {
    const message = statusMessage(status, '{"detail":"the signature is too old"}');

    expect(message).toContain('secret');
    expect(message).toContain('the signature is too old');
  });

  test('says that redirects are not followed', () => {
    expect(statusMessage(302, '')).toContain('not followed');
  });
});
