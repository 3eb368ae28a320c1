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

test('an instance that comes, or comes back after it counted as gone, is announced, and no renewal of it', async () => {
  let list: CatalogueInstance[] = [];
  const catalogue = new Catalogue({
    register: async () => undefined,
    deregister: async () => undefined,
    list: async () => list,
  });
  const heard: string[] = [];
  catalogue.onArrival((service) => heard.push(service));
  async function see(
    ...seen: readonly [service: string, instance: string, seenAt: number][]
  ): Promise<string[]> {
    list = seen.map(([service, instance, seenAt]) => ({ ...instanceOf(service), instance, seenAt }));
    await catalogue.refresh();
    return heard.splice(0);
  }

  expect(await see(['stock', 'one', 100_000])).toEqual(['stock']);
  expect(await see(['stock', 'one', 110_000], ['orders', 'one', 110_000])).toEqual(['orders']);
  expect(await see(['stock', 'one', 120_000], ['stock', 'two', 120_000])).toEqual(['stock']);
  expect(await see(['stock', 'one', 130_000], ['stock', 'two', 160_000])).toEqual(['stock']);
  expect(await see(['stock', 'one', 130_000], ['stock', 'two', 170_000])).toEqual([]);
});
