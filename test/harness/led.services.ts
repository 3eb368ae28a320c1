import 'reflect-metadata';
import {
  Action,
  AtoneModule,
  currentTransaction,
  databaseFrom,
  GlobalTransaction,
  InjectClient,
  RefusedError,
  Try,
  type AtoneOptions,
  type BranchContext,
  type Confirm,
  type ServiceClient,
  type Undo,
} from '@atone/nestjs';
import { pgDatabase } from '@atone/nestjs/pg';
import {
  Body,
  Controller,
  Inject,
  Injectable,
  Module,
  Post,
  type DynamicModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Pool, type PoolClient } from 'pg';
import { rooms, trips, type Line, type Note, type Stay } from './led.contracts.js';
import { openPool } from './open.pool.js';

/** What each of the services has done, line by line. Nothing is unique on purpose: what happens twice shows. */
export const CREATE_LINES = `
create table line (
  line integer primary key generated always as identity,
  gid uuid not null,
  branch_id text not null,
  what text not null,
  state text not null
)`;

const BEGIN = 'insert into line (gid, branch_id, what, state) values ($1, $2, $3, $4) returning line';
const END = 'update line set state = $2 where line = $1';

/** Holds and sells rooms. */
@Injectable()
class Rooms {
  @Try(rooms.hold, { confirm: 'sell', cancel: 'release' })
  async hold({ room }: Stay, { gid, branchId, transaction }: BranchContext<PoolClient>): Promise<Line> {
    if (room === 'full') {
      throw new RefusedError('no room left', { room });
    }
    const { rows } = await transaction.query<Line>(BEGIN, [gid, branchId, room, 'held']);
    return { line: rows[0]?.line ?? 0 };
  }

  async sell({ output, transaction }: Confirm<typeof rooms.hold, PoolClient>): Promise<void> {
    await transaction.query(END, [output.line, 'sold']);
  }

  async release({ output, transaction }: Undo<typeof rooms.hold, PoolClient>): Promise<void> {
    await transaction.query(END, [output?.line, 'released']);
  }
}

/** A plain controller, which knows nothing of transactions. */
@Controller('parties')
class Parties {
  constructor(@InjectClient(rooms) private readonly ownRooms: ServiceClient<typeof rooms>) {}

  @Post()
  async book(@Body() party: { readonly rooms: readonly string[] }): Promise<{ readonly count: number }> {
    await Promise.all(party.rooms.map(async (room) => this.ownRooms.hold({ room })));
    return { count: party.rooms.length };
  }
}

/** Leads, and keeps notes of its own. */
@Injectable()
export class Trips {
  constructor(
    @InjectClient(rooms) readonly roomsClient: ServiceClient<typeof rooms>,
    @InjectClient(trips) readonly ownNotes: ServiceClient<typeof trips>,
  ) {}

  /** Does what the test says, and returns the gid. */
  @GlobalTransaction({ name: 'book-trip', timeout: '30s', wait: 'confirmed' })
  async book(parts: (trips: this) => Promise<unknown>): Promise<string> {
    await parts(this);
    return currentTransaction()?.gid ?? '';
  }

  /** The same, alone within another. */
  @GlobalTransaction({ propagation: 'NESTED' })
  async bookPart(parts: (trips: this) => Promise<unknown>): Promise<void> {
    await parts(this);
  }

  /** The same, whatever becomes of another. */
  @GlobalTransaction({ propagation: 'REQUIRES_NEW', wait: 'confirmed' })
  async bookApart(parts: (trips: this) => Promise<unknown>): Promise<string> {
    await parts(this);
    return currentTransaction()?.gid ?? '';
  }

  @Action(trips.note, { compensate: 'erase' })
  async note({ text }: Note, { gid, branchId, transaction }: BranchContext<PoolClient>): Promise<Line> {
    const { rows } = await transaction.query<Line>(BEGIN, [gid, branchId, text, 'noted']);
    return { line: rows[0]?.line ?? 0 };
  }

  async erase({ output, transaction }: Undo<typeof trips.note, PoolClient>): Promise<void> {
    await transaction.query(END, [output?.line, 'erased']);
  }
}

@Injectable()
class PoolKeeper implements OnApplicationShutdown {
  constructor(@Inject(Pool) private readonly pool: Pool) {}

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end();
  }
}

@Module({})
class LedServiceModule {}

export interface LedServiceSettings extends Pick<AtoneOptions, 'services'> {
  readonly databaseUrl: string;
  readonly coordinatorUrl: string;
}

/** The service that holds rooms. */
export function roomsModule(settings: LedServiceSettings): DynamicModule {
  return serviceModule(settings, {
    imports: [atone(settings, 'rooms', [rooms])],
    controllers: [Parties],
    providers: [Rooms],
  });
}

/** The service that leads. */
export function tripsModule(settings: LedServiceSettings): DynamicModule {
  return serviceModule(settings, { imports: [atone(settings, 'trips', [rooms, trips])], providers: [Trips] });
}

function serviceModule(
  { databaseUrl }: LedServiceSettings,
  parts: Omit<DynamicModule, 'module'>,
): DynamicModule {
  const pool = { provide: Pool, useFactory: () => openPool(databaseUrl, 8) };
  return { ...parts, module: LedServiceModule, providers: [pool, PoolKeeper, ...(parts.providers ?? [])] };
}

function atone(
  { coordinatorUrl, services }: LedServiceSettings,
  service: string,
  clients: readonly (typeof rooms | typeof trips)[],
): DynamicModule {
  return AtoneModule.forRoot({
    service,
    services,
    clients: [...clients],
    coordinator: { url: coordinatorUrl },
    database: databaseFrom(Pool, pgDatabase),
    barrier: { migrate: true, doubts: { every: '50ms' } },
    listen: { port: 0 },
    instance: `${service}-1`,
  });
}
