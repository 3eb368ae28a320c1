import 'reflect-metadata';
import { expect, test } from '@jest/globals';
import { Global, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { action, BARRIER_VERSION, contract, type AtoneClient, type LocalDatabase } from '@atone/participant';
import { z } from 'zod';
import { Action } from './action.decorator.js';
import { ATONE_CONNECTION, type AtoneConnection, type ServedService } from './atone.connection.js';
import { AtoneLifecycle } from './atone.lifecycle.js';
import { AtoneModule } from './atone.module.js';
import { Sagas } from './sagas.service.js';

const letters = contract('letters', { send: action({ input: z.string(), output: z.null() }) });

@Injectable()
class Letters {
  @Action(letters.send, { compensate: 'none' })
  async send(): Promise<null> {
    return null;
  }
}

/** Answers what is asked at the start: the barrier is there, and no privilege is missing. */
const database: LocalDatabase<unknown> = {
  transaction: (work) => work({ transaction: {}, sql, seal: () => undefined }),
  session: () => sql,
};
const sql = {
  execute: async (text: string) => ({
    rows: text.includes('as missing') ? [] : [{ version: BARRIER_VERSION, is_there: true }],
    affectedCount: 0,
  }),
};

test('a connection that the application provides takes the place of HTTP, in both directions', async () => {
  const client = {} as AtoneClient;
  const served: ServedService[] = [];
  let isClosed = false;
  const connection: AtoneConnection = {
    client: () => client,
    serve: async (service) => {
      served.push(service);
      return { close: async () => void (isClosed = true) };
    },
  };
  @Global()
  @Module({
    providers: [{ provide: ATONE_CONNECTION, useValue: connection }],
    exports: [ATONE_CONNECTION],
  })
  class ConnectionModule {}
  const options = { service: 'letters', coordinator: { url: 'http://nobody.invalid' }, listen: { port: 1 } };
  const module = await Test.createTestingModule({
    imports: [AtoneModule.forRoot({ ...options, database }), ConnectionModule],
    providers: [Letters],
  }).compile();

  await module.init();
  const { commandUrl } = module.get(AtoneLifecycle);
  const usedClient = module.get(Sagas).client;
  await module.close();

  expect(served.map(({ participant }) => participant.service)).toEqual(['letters']);
  expect({ commandUrl, isClosed }).toEqual({ commandUrl: undefined, isClosed: true });
  expect(usedClient).toBe(client);
});
