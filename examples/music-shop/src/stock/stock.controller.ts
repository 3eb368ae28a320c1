import { Body, Controller, Put } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Title } from './title.entity.js';

const filling = z.object({
  titles: z
    .array(z.object({ title: z.string().min(1), quantity: z.int().nonnegative() }))
    .min(1)
    .max(1_000),
});

@Controller('titles')
export class StockController {
  constructor(private readonly database: DataSource) {}

  /** Fills the shelf. A title that is there already stays as it is, so the call can be repeated. */
  @Put()
  async fill(@Body({ schema: filling }) { titles }: z.infer<typeof filling>): Promise<void> {
    const rows = titles.map(({ title, quantity }) => ({
      title,
      fundedQuantity: quantity,
      onHandQuantity: quantity,
    }));
    await this.database.createQueryBuilder().insert().into(Title).values(rows).orIgnore().execute();
  }
}
