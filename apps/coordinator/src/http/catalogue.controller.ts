import { Catalogue, iso, type CatalogueStore } from '@atone/engine';
import {
  HEADERS,
  participantInstanceSchema,
  participantListSchema,
  type ParticipantInstance,
  type ParticipantList,
} from '@atone/protocol';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Describe } from '../openapi/operation.decorator.js';
import { CATALOGUE_STORE } from '../tokens.js';
import { OfferWatch } from './offer.watch.js';
import { fieldError } from './request.error.js';
import { instancePathSchema } from './request.schemas.js';
import { TopicWatch } from './topic.watch.js';

interface InstancePath {
  readonly service: string;
  readonly instance: string;
}

/** The participants, as they enter themselves. */
@Controller('v1/participants')
export class CatalogueController {
  @Inject(TopicWatch) private readonly topics!: TopicWatch;

  constructor(
    private readonly catalogue: Catalogue,
    @Inject(CATALOGUE_STORE) private readonly store: CatalogueStore,
    private readonly offers: OfferWatch,
  ) {}

  @Get()
  @Describe({
    id: 'listParticipants',
    group: 'participants',
    summary: 'Lists the instances of all participants.',
    answers: { 200: { description: 'All that have entered themselves.', schema: participantListSchema } },
    errors: ['LOG_UNAVAILABLE'],
  })
  async list(): Promise<ParticipantList> {
    const instances = await this.store.list();
    return {
      participants: instances.map((instance) => ({
        ...instance,
        registeredAt: iso(instance.registeredAt),
        seenAt: iso(instance.seenAt),
      })),
    };
  }

  @Put(':service/instances/:instance')
  @Describe({
    id: 'registerInstance',
    group: 'participants',
    summary: 'Enters an instance of a participant, or renews its entry.',
    description: 'An instance that has not renewed its entry for 30 s is asked only when no other is there.',
    answers: {
      204: {
        description: 'It is in the catalogue.',
        headers: {
          [HEADERS.warning]: 'What is wrong with the entry all the same, as a sentence for people.',
        },
      },
    },
    errors: ['BAD_REQUEST', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'LOG_UNAVAILABLE'],
  })
  @HttpCode(204)
  async register(
    @Param({ schema: instancePathSchema }) { service, instance }: InstancePath,
    @Body({ schema: participantInstanceSchema }) body: ParticipantInstance,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    if (body.instance !== instance) {
      throw fieldError([
        { field: '/instance', message: `is '${body.instance}', but the path says '${instance}'` },
      ]);
    }
    await this.catalogue.register(service, body);
    this.offers.look(service, body);
    const warning = this.topics.look(service, body);
    if (warning !== undefined) {
      void reply.header(HEADERS.warning, warning);
    }
  }

  @Delete(':service/instances/:instance')
  @Describe({
    id: 'deregisterInstance',
    group: 'participants',
    summary: 'Takes out an instance that stops.',
    answers: { 204: { description: 'It is not in the catalogue.' } },
    errors: ['BAD_REQUEST', 'LOG_UNAVAILABLE'],
  })
  @HttpCode(204)
  async deregister(
    @Param({ schema: instancePathSchema }) { service, instance }: InstancePath,
  ): Promise<void> {
    await this.catalogue.deregister(service, instance);
  }
}
