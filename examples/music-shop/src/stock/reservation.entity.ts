import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm';

export type ReservationKind = 'reserve' | 'release';

/**
 * The journal of all that was taken off the shelf and put back. `order_no` is not unique, on purpose: should a
 * reservation ever happen twice, the second line shows it.
 */
@Entity('reservation')
export class Reservation {
  @PrimaryGeneratedColumn('identity', { type: 'integer', name: 'reservation_id' })
  reservationId!: number;

  @Column('integer', { name: 'order_no' })
  orderNo!: number;

  @Column('text')
  title!: string;

  @Column('text')
  kind!: ReservationKind;

  @Column('integer')
  quantity!: number;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
