import { Catalogue, type CatalogueStore } from '@atone/engine';
import { participantInstanceSchema, type CatalogueInstance, type ParticipantInstance } from '@atone/protocol';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import { CATALOGUE_STORE } from '../tokens.js';
import { fieldError } from './request.error.js';
import { instancePathSchema } from './request.schemas.js';

interface InstancePath {
  readonly service: string;
  readonly instance: string;
}

/** The participants, as they enter themselves. */
@Controller('v1/participants')
export class CatalogueController {
  constructor(
    private readonly catalogue: Catalogue,
    @Inject(CATALOGUE_STORE) private readonly store: CatalogueStore,
  ) {}

  @Get()
  async list(): Promise<readonly CatalogueInstance[]> {
    return this.store.list();
  }

  @Put(':service/instances/:instance')
  @HttpCode(204)
  async register(
    @Param({ schema: instancePathSchema }) { service, instance }: InstancePath,
    @Body({ schema: participantInstanceSchema }) body: ParticipantInstance,
  ): Promise<void> {
    if (body.instance !== instance) {
      throw fieldError([
        { field: '/instance', message: `is '${body.instance}', but the path says '${instance}'` },
      ]);
    }
    await this.catalogue.register(service, body);
  }

  @Delete(':service/instances/:instance')
  @HttpCode(204)
  async deregister(
    @Param({ schema: instancePathSchema }) { service, instance }: InstancePath,
  ): Promise<void> {
    await this.catalogue.deregister(service, instance);
  }
}
