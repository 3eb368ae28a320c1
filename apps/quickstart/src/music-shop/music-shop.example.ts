import { join } from 'node:path';
import { BadPurchasesFileError, readPurchases, type NewOrder } from '@atone/example-music-shop';
import type { Example } from '../example.js';
import { QuickstartError } from '../quickstart.error.js';
import { databaseOf, FOLDER, serviceOf, SERVICES } from './music-shop.services.js';
import { MusicShopWork } from './music-shop.work.js';

/** Three services and one saga: orders, stock, payments. */
export const musicShop: Example = {
  title: 'the music shop',
  noun: 'orders',
  verb: { doing: 'Placing', done: 'placed' },
  concurrency: 128,
  databases: SERVICES.map(databaseOf),
  portCount: 2 * SERVICES.length,
  services: (surroundings) => SERVICES.map((name) => serviceOf(name, surroundings)),
  async load(file) {
    const orders = await read(file ?? join(FOLDER, 'data', 'cdnow-sample.csv'));
    return {
      totalCount: orders.length,
      open: async ([surroundings]) => new MusicShopWork(orders, surroundings),
    };
  },
};

async function read(file: string): Promise<NewOrder[]> {
  try {
    return await readPurchases(file);
  } catch (error) {
    throw error instanceof BadPurchasesFileError
      ? new QuickstartError(error.message, { cause: error })
      : error;
  }
}
