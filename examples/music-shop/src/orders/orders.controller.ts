import { Sagas } from '@atone/nestjs';
import { Body, Controller, Get, NotFoundException, Param, ParseIntPipe, Post } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { newOrder, orderKey, placeOrder, type NewOrder } from '../place-order.saga.js';
import { Order } from './order.entity.js';

interface Placed {
  readonly gid: string;
  readonly outcome: string;
  readonly reason?: string;
}

/** Who places an order is answered after this, also where the order has not ended by then. */
export const OUTCOME_WAIT = '10s';

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly sagas: Sagas,
    private readonly database: DataSource,
  ) {}

  /** Places an order. It can be called again with the same order: the number makes it the same transaction. */
  @Post()
  async place(@Body({ schema: newOrder }) order: NewOrder): Promise<Placed> {
    const idempotencyKey = orderKey(order.orderNo);
    const { gid, outcome, abort } = await this.sagas.submit(placeOrder, order, {
      idempotencyKey,
      wait: OUTCOME_WAIT,
    });
    return { gid, outcome, ...(abort === undefined ? {} : { reason: abort.message }) };
  }

  @Get(':orderNo')
  async find(@Param('orderNo', ParseIntPipe) orderNo: number): Promise<Order> {
    const order = await this.database.manager.findOneBy(Order, { orderNo });
    if (order === null) {
      throw new NotFoundException(`There is no order ${orderNo}.`);
    }
    return order;
  }
}
