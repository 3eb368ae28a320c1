import 'reflect-metadata';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { getDataSourceToken, InjectDataSource, TypeOrmModule } from '@nestjs/typeorm';
import { action, contract } from '@atone/participant';
import { typeormDatabase } from '@atone/participant/typeorm';
import type { BranchCommand } from '@atone/protocol';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Action } from './action.decorator.js';
import { AtoneModule } from './atone.module.js';
import { databaseFrom } from './atone.options.js';
import { Participation } from './participation.js';

const notes = contract('notes', { write: action({ input: z.null(), output: z.void() }) });

@Injectable()
class Notes {
  constructor(@InjectDataSource('audit') private readonly audit: DataSource) {}

  @Action(notes.write, { compensate: 'none' })
  async write(): Promise<void> {
    await this.audit.query("insert into note values ('past')").catch(() => undefined);
  }
}

@Module({ providers: [Notes] })
class NotesModule {}

let testDatabase: TestDatabase;
let module: TestingModule;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const connection = { type: 'postgres', url: testDatabase.url, retryAttempts: 0 } as const;
  module = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot(connection),
      TypeOrmModule.forRoot({ ...connection, name: 'audit' }),
      AtoneModule.forRoot({
        service: 'notes',
        coordinator: { url: 'http://127.0.0.1:1' },
        database: databaseFrom(DataSource, typeormDatabase),
        barrier: { migrate: true },
        listen: { port: 0 },
      }),
      NotesModule,
    ],
  }).compile();
  module.useLogger(false);
  await module.init();
});

afterAll(async () => {
  await module.close();
  await testDatabase.drop();
});

test('an action that writes by another DataSource of the application fails, and nothing is written', async () => {
  const audit = module.get<DataSource>(getDataSourceToken('audit'));
  await audit.query('create table note (text text not null)');
  const participation = module.get(Participation);
  const { participant } = await participation.workers(participation.actions());

  const reply = await participant.execute(WRITE);

  expect(reply).toMatchObject({
    outcome: 'unknown',
    error: { class: 'code', message: expect.stringContaining('Write through branch.transaction') },
  });
  expect(await audit.query('select text from note')).toEqual([]);
});

const WRITE: BranchCommand = {
  gid: '01980000-0000-7000-8000-000000000001',
  branchId: 'write',
  op: 'action',
  round: 1,
  attempt: 1,
  service: 'notes',
  action: 'write',
  input: null,
  issuedAt: 0,
};
