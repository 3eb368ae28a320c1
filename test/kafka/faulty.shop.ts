import type { NewOrder } from '@atone/example-music-shop';
import { realOrders, ShopDeployment, type Told } from '../harness/shop.deployment.js';
import { FaultyWorld } from './faulty.world.js';
import { newName } from './kafka.client.js';

/** No wallet is filled for one in so many customers: what they order is undone. */
const PENNILESS_EVERY = 9;

/** Starts the music shop where faults happen. Real orders keep coming, of which some have to be undone. */
export async function startFaultyShop(): Promise<FaultyWorld<NewOrder, Told>> {
  const prefix = newName('faults');
  const orders = await realOrders(Number.POSITIVE_INFINITY);
  const paid = orders.filter(({ customerId }) => customerId % PENNILESS_EVERY !== 0);
  return FaultyWorld.start({
    prefix,
    services: ['orders', 'stock', 'payments'],
    works: orders,
    start: async (brokers) => {
      // Twice what they need: whoever is charged twice is then seen to have paid twice.
      const shop = await ShopDeployment.start([...paid, ...paid], { brokers, prefix, library: 'kafkajs' });
      return {
        deployment: shop.deployment,
        begin: async (order) => shop.placeOne(order),
        violations: async (count, told) => shop.violations(count, told),
      };
    },
  });
}
