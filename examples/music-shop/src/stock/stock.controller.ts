import { Body, Controller, Put } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';

const filling = z.object({
  titles: z
    .array(z.object({ title: z.string().min(1), quantity: z.int().nonnegative() }))
    .min(1)
    .max(1_000),
});

/** Adds to each shelf what is missing to the total that it was ever filled with. */
const FILL = `
insert into title as old (title, funded_quantity, on_hand_quantity)
select title, quantity, quantity
from jsonb_to_recordset($1) as given (title text, quantity integer)
on conflict (title) do update
set on_hand_quantity = old.on_hand_quantity + excluded.funded_quantity - old.funded_quantity,
  funded_quantity = excluded.funded_quantity
where excluded.funded_quantity > old.funded_quantity`;

@Controller('titles')
export class StockController {
  constructor(private readonly database: DataSource) {}

  /** Fills shelves. The quantity is what each was filled with in all, so the call can be repeated. */
  @Put()
  async fill(@Body({ schema: filling }) { titles }: z.infer<typeof filling>): Promise<void> {
    await this.database.query(FILL, [JSON.stringify(titles)]);
  }
}
