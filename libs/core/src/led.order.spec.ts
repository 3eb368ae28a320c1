import { describe, expect, test } from '@jest/globals';
import { callsAbove, merged } from './led.order.js';

describe('the calls above a branch', () => {
  test.each([
    ['2', []],
    ['2~k7.1', ['2']],
    ['2~k7.1~m3.4', ['2~k7.1', '2']],
    ['~odd', []],
  ])('of %s are told by its id', (branchId, above) => {
    expect(callsAbove(branchId)).toEqual(above);
  });
});

describe('what the list leaves out', () => {
  test.each<[string, string[], string[], string[]]>([
    ['stands before what was called later', ['1', '3'], ['2'], ['1', '2', '3']],
    ['stands first when it was called first', ['2', '3'], ['1'], ['1', '2', '3']],
    ['stands last when it was called last', ['1', '2'], ['3'], ['1', '2', '3']],
    ['goes by numbers, not by letters', ['2', '11'], ['10', '9'], ['2', '9', '10', '11']],
    ['stands before the call that it is below', ['1', '2', '3'], ['2~k7.1'], ['1', '2~k7.1', '2', '3']],
    ['stands behind a call below it', ['2~k7.1', '3'], ['2'], ['2~k7.1', '2', '3']],
    ['is in order itself', ['2'], ['2~k7.10', '2~k7.9'], ['2~k7.9', '2~k7.10', '2']],
    ['keeps the order in which runs were registered', ['2'], ['2~k7.1', '2~a1.1'], ['2~k7.1', '2~a1.1', '2']],
    ['stands behind the list where nothing tells', ['a', 'b'], ['c'], ['a', 'b', 'c']],
    ['does not change the order of the list', ['3', '1', '2'], [], ['3', '1', '2']],
  ])('%s', (...[, listed, others, all]) => {
    expect(merged(listed, others)).toEqual(all);
  });
});
