import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A title and how many CDs of it are on the shelf. */
@Entity('title')
export class Title {
  @PrimaryColumn('text')
  title!: string;

  /** What the shelf was filled with. Only for checking that nothing got lost. */
  @Column('integer', { name: 'funded_quantity' })
  fundedQuantity!: number;

  @Column('integer', { name: 'on_hand_quantity' })
  onHandQuantity!: number;
}
