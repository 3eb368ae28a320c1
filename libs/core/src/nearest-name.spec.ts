import { describe, expect, test } from '@jest/globals';
import { nearestName, similarName } from './nearest-name.js';

const PARAMETERS = ['state', 'name', 'stuck', 'tag', 'limit', 'acceptedFrom'];

describe('the nearest name', () => {
  test('is given however far it is, since where there are few any of them helps', () => {
    expect(nearestName('from', PARAMETERS)).toBe('name');
  });

  test('is none among none', () => {
    expect(nearestName('from', [])).toBeUndefined();
  });
});

describe('a similar name', () => {
  test.each([
    ['stat', 'state'],
    ['STUCK', 'stuck'],
    ['lmiit', 'limit'],
    ['acceptdFrm', 'acceptedFrom'],
    ['accepted_form', 'acceptedFrom'],
  ])('for %s is %s', (name, similar) => {
    expect(similarName(name, PARAMETERS)).toBe(similar);
  });

  test('is none among none', () => {
    expect(similarName('from', [])).toBeUndefined();
  });

  test.each(['from', 'to', 'order', 'sort', 'offset', 'acceptance'])('for %s is none', (name) => {
    expect(similarName(name, PARAMETERS)).toBeUndefined();
  });
});
