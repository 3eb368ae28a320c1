import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

export type OrderState = 'pending' | 'confirmed' | 'cancelled';

@Entity('shop_order')
export class Order {
  @PrimaryColumn('integer', { name: 'order_no' })
  orderNo!: number;

  @Column('integer', { name: 'customer_id' })
  customerId!: number;

  @Column('text')
  title!: string;

  @Column('integer')
  quantity!: number;

  @Column('integer', { name: 'amount_cents' })
  amountCents!: number;

  @Column('text')
  state!: OrderState;

  @Column('text', { name: 'cancel_reason', nullable: true })
  cancelReason!: string | null;

  /** The global transaction that sold this order, or did not. */
  @Column('uuid')
  gid!: string;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
