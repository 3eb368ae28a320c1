import { expect, test } from '@jest/globals';
import type { CatalogueInstance } from '@atone/protocol';
import { Catalogue } from './catalogue.js';

function instanceOf(service: string): CatalogueInstance {
  return {
    service,
    instance: 'one',
    baseUrl: 'http://127.0.0.1:1',
    kind: 'library',
    protocol: 1,
    actions: [],
    registeredAt: 1,
    seenAt: 1,
  };
}

test('a list that was asked for earlier and comes later does not hide a service that has registered since', async () => {
  const answers: ((list: readonly CatalogueInstance[]) => void)[] = [];
  const catalogue = new Catalogue({
    register: async () => undefined,
    deregister: async () => undefined,
    list: async () =>
      new Promise((resolve) => {
        answers.push(resolve);
      }),
  });
  const earlier = catalogue.refresh();
  const later = catalogue.refresh();

  answers[1]?.([instanceOf('orders'), instanceOf('stock')]);
  await later;
  answers[0]?.([instanceOf('orders')]);
  await earlier;

  expect(catalogue.services()).toEqual(['orders', 'stock']);
});
