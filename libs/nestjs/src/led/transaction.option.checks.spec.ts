import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { MisuseError } from '@atone/participant';
import { GlobalTransaction } from './global-transaction.decorator.js';

class Orders {
  async place(): Promise<void> {}
}

function decorateWith(options: object): void {
  const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, 'place') as PropertyDescriptor;
  GlobalTransaction(options)(Orders.prototype, 'place', { ...descriptor });
}

describe('@GlobalTransaction refuses, when the class is loaded,', () => {
  test.each<[string, object, RegExp]>([
    [
      'an option that there is not',
      { propogation: 'NESTED' },
      /no option 'propogation'. Perhaps 'propagation'/u,
    ],
    [
      'one that is like no other',
      { retries: 3 },
      /no option 'retries'. There are name, timeout, .*waitTimeout\./u,
    ],
    ['a misspelt propagation', { propagation: 'REQUIRE_NEW' }, /says 'REQUIRE_NEW'. Perhaps 'REQUIRES_NEW'/u],
    ['one in other letters', { propagation: 'nested' }, /Perhaps 'NESTED' was meant/u],
    ['one that there is not', { propagation: 'SOMETIMES' }, /There are REQUIRED, REQUIRES_NEW, .*NEVER/u],
    ['a misspelt wait', { wait: 'confirm' }, /`wait` says 'confirm'. Perhaps 'confirmed' was meant/u],
    [
      'a timeout of another form',
      { timeout: '30 sec' },
      /`timeout` is '30 sec'. Write milliseconds, or '500ms'/u,
    ],
    [
      'a timeout that has passed already',
      { timeout: 0 },
      /`timeout` is 0 ms, and must be between 1 and 86400000\.$/u,
    ],
    ['a timeout of days', { timeout: '48h' }, /must be between 1 and 86400000. What takes longer is a saga/u],
    [
      'a name that no log could hold',
      { name: 'place order' },
      /`name` is 'place order', and must start with a letter/u,
    ],
    ['a lane of such a name', { lane: '1' }, /`lane` is '1', and must start with a letter/u],
    ['a tag that is no text', { tags: { order: 7 } }, /`tags` cannot be kept: order .*string/u],
    ['a rule that is no function', { abortOn: true }, /`abortOn` is boolean, and must be a function/u],
  ])('%s', (_what, options, message) => {
    expect(() => decorateWith(options)).toThrow(MisuseError);
    expect(() => decorateWith(options)).toThrow(
      new RegExp(
        `^The options of @GlobalTransaction on Orders\\.place cannot work: .*${message.source}`,
        'u',
      ),
    );
  });

  test('nothing of what there is', () => {
    const options = {
      name: 'place-order',
      timeout: '5s',
      propagation: 'NESTED',
      abortOn: () => false,
      commitOn: () => false,
      tags: { shop: 'music' },
      lane: undefined,
      wait: 'confirmed',
      waitTimeout: 0,
    };

    expect(() => decorateWith(options)).not.toThrow();
  });
});
