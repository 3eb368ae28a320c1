import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A customer's money. */
@Entity('wallet')
export class Wallet {
  @PrimaryColumn('integer', { name: 'customer_id' })
  customerId!: number;

  /** What was paid in. Only for checking that nothing got lost. */
  @Column('integer', { name: 'funded_cents' })
  fundedCents!: number;

  @Column('integer', { name: 'balance_cents' })
  balanceCents!: number;
}
