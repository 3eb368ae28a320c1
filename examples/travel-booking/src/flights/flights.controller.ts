import { Body, Controller, Put } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';

const offer = z.object({
  flights: z
    .array(z.object({ flight: z.string().min(1), seats: z.int().nonnegative(), priceCents: z.int() }))
    .min(1)
    .max(1_000),
});

/** Adds to each flight what is missing to the seats that it ever had. */
const OFFER = `
insert into flight as old (flight, price_cents, total, free)
select flight, "priceCents", seats, seats
from jsonb_to_recordset($1) as given (flight text, seats integer, "priceCents" integer)
on conflict (flight) do update
set free = old.free + excluded.total - old.total, total = excluded.total
where excluded.total > old.total`;

@Controller('flights')
export class FlightsController {
  constructor(private readonly database: DataSource) {}

  /** Offers flights. The seats are those that each has in all, so the call can be repeated. */
  @Put()
  async offer(@Body({ schema: offer }) { flights }: z.infer<typeof offer>): Promise<void> {
    await this.database.query(OFFER, [JSON.stringify(flights)]);
  }
}
