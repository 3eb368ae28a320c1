import { Body, Controller, Put } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';

const offer = z.object({
  hotels: z
    .array(z.object({ hotel: z.string().min(1), rooms: z.int().nonnegative(), priceCents: z.int() }))
    .min(1)
    .max(1_000),
});

/** Adds to each hotel what is missing to the rooms that it ever had. */
const OFFER = `
insert into hotel as old (hotel, price_cents, total, free)
select hotel, "priceCents", rooms, rooms
from jsonb_to_recordset($1) as given (hotel text, rooms integer, "priceCents" integer)
on conflict (hotel) do update
set free = old.free + excluded.total - old.total, total = excluded.total
where excluded.total > old.total`;

@Controller('hotels')
export class HotelsController {
  constructor(private readonly database: DataSource) {}

  /** Offers hotels. The rooms are those that each has in all, so the call can be repeated. */
  @Put()
  async offer(@Body({ schema: offer }) { hotels }: z.infer<typeof offer>): Promise<void> {
    await this.database.query(OFFER, [JSON.stringify(hotels)]);
  }
}
