import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { action, contract, tryAction, type ActionHandler } from './contract.js';
import { HandlerRegistry } from './handler.registry.js';

const payloads = { input: z.null(), output: z.null() };
const shop = contract('shop', { order: action(payloads), hold: tryAction(payloads) });

const nothing = async () => null;
const end = async () => undefined;

test('a contract tells a try from an action that takes effect at once', () => {
  expect([shop.order.kind, shop.hold.kind]).toEqual(['saga', 'tcc']);
});

describe('the handlers of a service', () => {
  test.each<[string, ActionHandler, RegExp]>([
    [
      'a try that nobody can confirm',
      { contract: shop.hold, run: nothing, compensate: end },
      /shop\.hold is a try without a confirm: nobody could end.*Give its handler both, or.*`action/u,
    ],
    [
      'a try that nobody can cancel',
      { contract: shop.hold, run: nothing, confirm: end },
      /shop\.hold is a try without a cancel/u,
    ],
    [
      'a confirm that nobody would call',
      { contract: shop.order, run: nothing, confirm: end },
      /shop\.order has a confirm.*would never be called.*tryAction.*or leave the confirm out/u,
    ],
  ])('may not hold %s, and the error says what to do', (_title, handler, message) => {
    expect(() => new HandlerRegistry('shop', [handler])).toThrow(
      expect.objectContaining({ name: 'MisuseError', message: expect.stringMatching(message) }),
    );
  });

  test('may hold a try with both, and an action with neither', () => {
    const hold = { contract: shop.hold, run: nothing, confirm: end, compensate: end };

    const registry = new HandlerRegistry('shop', [hold, { contract: shop.order, run: nothing }]);

    expect(registry.find('hold')).toBe(hold);
  });
});
