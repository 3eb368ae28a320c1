export { environmentSchema } from './environment.js';
export { fundingFor, type Funding } from './shop/funding.js';
export { checkInvariants, type Findings, type Query, type ShopDatabases } from './shop/invariants.js';
export { BadPurchasesFileError, readPurchases } from './shop/purchases.csv.js';
export { newOrder, orderKey, placeOrder, type NewOrder } from './place-order.saga.js';
