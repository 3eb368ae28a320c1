import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm';

export type ChargeKind = 'charge' | 'refund';

/**
 * The journal of all that was taken from wallets and given back. `order_no` is not unique, on purpose: should a charge
 * ever happen twice, the second line shows it.
 */
@Entity('charge')
export class Charge {
  @PrimaryGeneratedColumn('identity', { type: 'integer', name: 'charge_id' })
  chargeId!: number;

  @Column('integer', { name: 'order_no' })
  orderNo!: number;

  @Column('integer', { name: 'customer_id' })
  customerId!: number;

  @Column('text')
  kind!: ChargeKind;

  @Column('integer', { name: 'amount_cents' })
  amountCents!: number;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
