import { Body, Controller, Put } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { OFFER } from './stock.sql.js';

const offer = z
  .array(z.object({ item: z.string().min(1), quantity: z.int().nonnegative(), priceCents: z.int() }))
  .min(1)
  .max(1_000);

@Controller('stock')
export class StockController {
  constructor(private readonly database: DataSource) {}

  /** Offers things. The quantities are what there is of each in all, so the call can be repeated. */
  @Put()
  async offer(@Body({ schema: offer }) items: z.infer<typeof offer>): Promise<void> {
    await this.database.query(OFFER, [JSON.stringify(items)]);
  }
}
