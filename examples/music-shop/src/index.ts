export { environmentSchema } from './environment.js';
export { OrdersController, OUTCOME_WAIT } from './orders/orders.controller.js';
export { PaymentsController } from './payments/payments.controller.js';
export { StockController } from './stock/stock.controller.js';
export { fundingFor, type Funding } from './shop/funding.js';
export { checkInvariants, type Findings, type Query, type ShopDatabases } from './shop/invariants.js';
export { BadPurchasesFileError, readPurchases } from './shop/purchases.csv.js';
export { newOrder, orderKey, placeOrder, type NewOrder } from './place-order.saga.js';
