import { Body, Controller, Put } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Wallet } from './wallet.entity.js';

const funding = z.object({
  wallets: z
    .array(z.object({ customerId: z.int().positive(), cents: z.int().nonnegative() }))
    .min(1)
    .max(1_000),
});

@Controller('wallets')
export class PaymentsController {
  constructor(private readonly database: DataSource) {}

  /** Opens wallets with money in them. One that is open already stays as it is, so the call can be repeated. */
  @Put()
  async open(@Body({ schema: funding }) { wallets }: z.infer<typeof funding>): Promise<void> {
    const rows = wallets.map(({ customerId, cents }) => ({
      customerId,
      fundedCents: cents,
      balanceCents: cents,
    }));
    await this.database.createQueryBuilder().insert().into(Wallet).values(rows).orIgnore().execute();
  }
}
