import { Body, Controller, Put } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';

const funding = z.object({
  wallets: z
    .array(z.object({ customerId: z.int().positive(), cents: z.int().nonnegative() }))
    .min(1)
    .max(1_000),
});

/** Adds to each wallet what is missing to the total that was ever paid in. */
const FUND = `
insert into wallet as old (customer_id, funded_cents, balance_cents)
select "customerId", cents, cents
from jsonb_to_recordset($1) as given ("customerId" integer, cents integer)
on conflict (customer_id) do update
set balance_cents = old.balance_cents + excluded.funded_cents - old.funded_cents,
  funded_cents = excluded.funded_cents
where excluded.funded_cents > old.funded_cents`;

@Controller('wallets')
export class PaymentsController {
  constructor(private readonly database: DataSource) {}

  /** Opens and fills wallets. The sum is what was paid in in all, so the call can be repeated. */
  @Put()
  async fund(@Body({ schema: funding }) { wallets }: z.infer<typeof funding>): Promise<void> {
    await this.database.query(FUND, [JSON.stringify(wallets)]);
  }
}
